//! The devices of a domain.

use super::{Reader, has_comma, is_named};
use roxmltree::Node;

impl Reader {
    pub(super) fn devices(&mut self, devices: Node<'_, '_>, is_hvm: bool) {
        self.emulator(devices);
        for device in devices.children().filter(Node::is_element) {
            match device.tag_name().name() {
                // There is no way to write it.
                "disk" | "interface" | "graphics" | "channel" if has_comma(device) => continue,
                "disk" => self.disk(device),
                "interface" => self.interface(device, is_hvm),
                "graphics" => self.graphics(device, is_hvm),
                "video" => self.video(device, is_hvm),
                "input" => self.input(device),
                "serial" if is_hvm => self.serial(device),
                "console" => self.console(device),
                "hostdev" => self.host_device(device),
                "controller" => self.controller(device),
                "channel" => self.channel(device),
                "sound" => {
                    let is_first = self.statements.iter().all(|one| &*one.key != "soundhw");
                    if let Some(model) = device.attribute("model").filter(|_| is_first) {
                        self.see(device);
                        self.see_attribute(device, "model");
                        self.text("soundhw", device, model);
                    }
                }
                "memballoon" if device.attribute("model") == Some("xen") => self.see_all(device),
                _ => continue,
            }
            // Of libvirt itself, for a running domain.
            for own in ["alias", "address"] {
                for node in self.children(device, own) {
                    self.see_all(node);
                }
            }
        }
    }

    /// xl-disk-configuration(5)
    fn disk(&mut self, disk: Node<'_, '_>) {
        let kind = disk.attribute("type").unwrap_or_default();
        let device = disk.attribute("device").unwrap_or("disk");
        let source = disk.children().find(|node| node.has_tag_name("source"));
        let target = match (kind, source) {
            ("block", Some(source)) => source.attribute("dev").map(|path| (source, "dev", path)),
            ("file", Some(source)) => source.attribute("file").map(|path| (source, "file", path)),
            // An empty drive.
            (_, None) if device == "cdrom" => None,
            _ => return,
        };
        let vdev = disk.children().find(|node| node.has_tag_name("target"));
        let Some((vdev, name)) = vdev.and_then(|node| Some((node, node.attribute("dev")?))) else {
            return;
        };
        if !matches!(device, "disk" | "cdrom") || (target.is_none() && device == "disk") {
            return;
        }
        self.see(disk);
        for own in ["type", "device", "snapshot"] {
            self.see_attribute(disk, own);
        }
        self.see(vdev);
        for own in ["dev", "bus", "tray"] {
            self.see_attribute(vdev, own);
        }
        for node in self.children(disk, "backingStore") {
            self.see_all(node);
        }
        let mut words = Vec::new();
        if let Some(driver) = self.child(disk, "driver") {
            let format = match self.attribute(driver, "type") {
                Some("vpc") => "vhd",
                Some(format) => format,
                None => "raw",
            };
            words.push(format!("format={format}"));
            match self.attribute(driver, "name") {
                Some("phy") => words.push("backendtype=phy".to_owned()),
                Some("qemu" | "file" | "tap" | "tap2") => {
                    words.push("backendtype=qdisk".to_owned());
                }
                _ => {}
            }
            match self.attribute(driver, "discard") {
                Some("ignore") => words.push("no-discard".to_owned()),
                Some(_) => words.push("discard".to_owned()),
                None => {}
            }
        } else {
            words.push("format=raw".to_owned());
        }
        words.push(format!("vdev={name}"));
        let is_read_only = self.child(disk, "readonly").is_some() || device == "cdrom";
        words.push(format!("access={}", if is_read_only { "ro" } else { "rw" }));
        if device == "cdrom" {
            words.push("devtype=cdrom".to_owned());
        }
        if let Some(backend) = self.child(disk, "backenddomain")
            && let Some(name) = self.attribute(backend, "name")
        {
            words.push(format!("backend={name}"));
        }
        match target {
            Some((source, own, path)) => {
                self.see(source);
                for own in [own, "index", "startupPolicy"] {
                    self.see_attribute(source, own);
                }
                words.push(format!("target={path}"));
            }
            None => words.push("target=".to_owned()),
        }
        self.item("disk", disk, &words.join(","));
    }

    /// xl-network-configuration(5)
    fn interface(&mut self, interface: Node<'_, '_>, is_hvm: bool) {
        let kind = interface.attribute("type").unwrap_or_default();
        let source = interface
            .children()
            .find(|node| node.has_tag_name("source"));
        let bridge = source.and_then(|source| source.attribute("bridge"));
        let is_known = match kind {
            "bridge" | "ethernet" => true,
            // Only the XML of a running domain has the bridge of a network.
            "network" => bridge.is_some(),
            _ => false,
        };
        if !is_known {
            return;
        }
        self.see(interface);
        self.see_attribute(interface, "type");
        let mut words = Vec::new();
        let mut word = |key: &str, value: &str| words.push(format!("{key}={value}"));
        if let Some(mac) = self.child(interface, "mac")
            && let Some(address) = self.attribute(mac, "address")
        {
            word("mac", address);
        }
        if let Some(source) = source {
            self.see(source);
            for own in ["network", "portid", "bridge"] {
                self.see_attribute(source, own);
            }
            if let Some(bridge) = bridge {
                word("bridge", bridge);
            }
        }
        let addresses = self.children(interface, "ip").into_iter();
        let addresses: Vec<_> = addresses
            .filter_map(|ip| {
                self.see_attribute(ip, "family");
                self.attribute(ip, "address")
            })
            .collect();
        if !addresses.is_empty() {
            word("ip", &addresses.join(" "));
        }
        if let Some(script) = self.child(interface, "script")
            && let Some(path) = self.attribute(script, "path")
        {
            word("script", path);
        }
        if let Some(target) = self.child(interface, "target")
            && let Some(name) = self.attribute(target, "dev")
            // libvirt's own names are of the running domain.
            && !name.starts_with("vif")
        {
            word("vifname", name);
        }
        let model = self.child(interface, "model");
        let model = model.and_then(|model| self.attribute(model, "type"));
        if is_hvm {
            match model {
                Some("netfront") => word("type", "vif"),
                Some(model) => {
                    word("type", "ioemu");
                    word("model", model);
                }
                None => {}
            }
        }
        if let Some(mtu) = self.child(interface, "mtu")
            && let Some(size) = self.attribute(mtu, "size")
        {
            word("mtu", size);
        }
        if let Some(limits) = self.child(interface, "bandwidth")
            && let Some(out) = self.child(limits, "outbound")
            && let Some(average) = self.attribute(out, "average")
        {
            word("rate", &format!("{average}KB/s"));
        }
        if let Some(backend) = self.child(interface, "backenddomain")
            && let Some(name) = self.attribute(backend, "name")
        {
            word("backend", name);
        }
        self.item("vif", interface, &words.join(","));
    }

    /// A display: keys of their own for HVM, the list `vfb` for all others.
    fn graphics(&mut self, graphics: Node<'_, '_>, is_hvm: bool) {
        let kind = graphics.attribute("type").unwrap_or_default();
        if !matches!((kind, is_hvm), ("vnc" | "sdl", _) | ("spice", true)) {
            return;
        }
        self.see(graphics);
        self.see_attribute(graphics, "type");
        let asks = self.attribute(graphics, "autoport") == Some("yes");
        let port = self.attribute(graphics, "port");
        let port = port.and_then(|port| port.parse::<u64>().ok());
        let is_auto = asks || port.is_none();
        // SPICE has no port that xl chooses; the one of the running domain is as good as any.
        let port = port.filter(|port| !is_auto || (kind == "spice" && *port > 0));
        let mut listen = self.attribute(graphics, "listen");
        let inner = graphics.children().find(|node| is_named(*node, "listen"));
        // A socket, a network, or none is not for xl.
        if let Some(inner) = inner.filter(|node| node.attribute("type") == Some("address")) {
            self.see(inner);
            self.see_attribute(inner, "type");
            listen = self.attribute(inner, "address").or(listen);
        }
        let password = self.attribute(graphics, "passwd");
        let mut words: Vec<(&str, String)> = Vec::new();
        if kind == "sdl" {
            words.push(("sdl", "1".to_owned()));
            for (own, key) in [("display", "display"), ("xauth", "xauthority")] {
                if let Some(value) = self.attribute(graphics, own) {
                    words.push((key, value.to_owned()));
                }
            }
        } else if kind == "vnc" {
            words.push(("vnc", "1".to_owned()));
            words.push(("vncunused", u8::from(is_auto).to_string()));
            if let Some(display) = port.and_then(|port| port.checked_sub(5900)) {
                words.push(("vncdisplay", display.to_string()));
            }
            let given = [("vnclisten", listen), ("vncpasswd", password)];
            for (key, value) in given {
                words.extend(value.map(|value| (key, value.to_owned())));
            }
        } else {
            words.push(("spice", "1".to_owned()));
            words.extend(port.map(|port| ("spiceport", port.to_string())));
            if let Some(port) = self.attribute(graphics, "tlsPort")
                && !is_auto
            {
                words.push(("spicetls_port", port.to_owned()));
            }
            words.extend(listen.map(|host| ("spicehost", host.to_owned())));
            match password {
                Some(password) => words.push(("spicepasswd", password.to_owned())),
                None => words.push(("spicedisable_ticketing", "1".to_owned())),
            }
            if let Some(mouse) = self.child(graphics, "mouse") {
                let is_client = self.attribute(mouse, "mode") == Some("client");
                words.push(("spiceagent_mouse", u8::from(is_client).to_string()));
            }
            if let Some(clipboard) = self.child(graphics, "clipboard") {
                let is_on = self.attribute(clipboard, "copypaste") != Some("no");
                words.push(("spicevdagent", u8::from(is_on).to_string()));
                words.push(("spice_clipboard_sharing", u8::from(is_on).to_string()));
            }
        }
        if let Some(keymap) = self.attribute(graphics, "keymap") {
            words.push(("keymap", keymap.to_owned()));
        }
        if is_hvm {
            for (key, value) in words {
                // Passwords and addresses remain texts, whatever their letters.
                let texts = ["vncpasswd", "spicepasswd", "vnclisten", "spicehost"];
                match value.parse() {
                    Ok(number) if !texts.contains(&key) => self.number(key, graphics, number),
                    _ => self.text(key, graphics, &value),
                }
            }
        } else {
            let words = words.iter().map(|(key, value)| format!("{key}={value}"));
            let words: Vec<_> = words.collect();
            self.item("vfb", graphics, &words.join(","));
        }
    }

    fn video(&mut self, video: Node<'_, '_>, is_hvm: bool) {
        let Some(model) = video.children().find(|node| node.has_tag_name("model")) else {
            return;
        };
        let card = match model.attribute("type") {
            Some("vga") => "stdvga",
            Some(card @ ("cirrus" | "qxl" | "none")) => card,
            Some("xen") => {
                self.see_all(video);
                return;
            }
            _ => return,
        };
        if !is_hvm {
            return;
        }
        self.see(video);
        self.see(model);
        for own in ["type", "heads", "primary"] {
            self.see_attribute(model, own);
        }
        self.text("vga", model, card);
        if let Some(size) = self
            .attribute(model, "vram")
            .and_then(|size| size.parse::<u64>().ok())
        {
            self.number("videoram", model, size >> 10);
        }
    }

    fn input(&mut self, input: Node<'_, '_>) {
        match (input.attribute("bus"), input.attribute("type")) {
            (Some("usb"), Some(kind)) => {
                self.see(input);
                for own in ["bus", "type"] {
                    self.see_attribute(input, own);
                }
                if self.statements.iter().all(|one| &*one.key != "usb") {
                    self.number("usb", input, 1);
                }
                self.item("usbdevice", input, kind);
            }
            // All domains have these.
            (Some("ps2" | "xen"), _) => self.see_all(input),
            _ => {}
        }
    }

    fn serial(&mut self, serial: Node<'_, '_>) {
        let source = serial.children().find(|node| node.has_tag_name("source"));
        let path = source.and_then(|source| source.attribute("path"));
        let word = match (serial.attribute("type"), path) {
            (Some("pty"), _) => "pty".to_owned(),
            (Some(word @ ("null" | "stdio" | "vc")), _) => word.to_owned(),
            (Some("file"), Some(path)) => format!("file:{path}"),
            (Some("pipe"), Some(path)) => format!("pipe:{path}"),
            (Some("dev"), Some(path)) => path.to_owned(),
            _ => return,
        };
        self.see(serial);
        for own in ["type", "tty"] {
            self.see_attribute(serial, own);
        }
        for own in ["source", "target", "log"] {
            for node in self
                .children(serial, own)
                .into_iter()
                .filter(|_| own != "log")
            {
                self.see_all(node);
            }
        }
        self.item("serial", serial, &word);
    }

    /// The console of a domain, or one more name for its first serial port.
    fn console(&mut self, console: Node<'_, '_>) {
        let kind = console.attribute("type").unwrap_or_default();
        let target = console.children().find(|node| node.has_tag_name("target"));
        let is_serial = target.and_then(|node| node.attribute("type")) == Some("serial");
        if kind == "pty" || is_serial {
            self.see_all(console);
        }
    }

    fn host_device(&mut self, device: Node<'_, '_>) {
        let Some(source) = device.children().find(|node| node.has_tag_name("source")) else {
            return;
        };
        let Some(address) = source.children().find(|node| node.has_tag_name("address")) else {
            return;
        };
        let number = |name: &str| {
            let text = address.attribute(name)?;
            match text.strip_prefix("0x") {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => text.parse::<u32>().ok(),
            }
        };
        match device.attribute("type") {
            Some("pci") => {
                let (Some(bus), Some(slot)) = (number("bus"), number("slot")) else {
                    return;
                };
                let domain = number("domain").unwrap_or_default();
                let function = number("function").unwrap_or_default();
                let mut words = format!("{domain:04x}:{bus:02x}:{slot:02x}.{function:x}");
                if device.attribute("managed") == Some("yes") {
                    words.push_str(",seize=1");
                }
                if source.attribute("writeFiltering") == Some("no") {
                    words.push_str(",permissive=1");
                }
                self.item("pci", device, &words);
            }
            Some("usb") => {
                let (Some(bus), Some(number)) = (number("bus"), number("device")) else {
                    return;
                };
                let words = format!("type=hostdev,hostbus={bus},hostaddr={number}");
                self.item("usbdev", device, &words);
            }
            _ => return,
        }
        self.see(device);
        for own in ["mode", "type", "managed"] {
            self.see_attribute(device, own);
        }
        if let Some(driver) = device.children().find(|node| node.has_tag_name("driver")) {
            self.see_all(driver);
        }
        self.see_all(source);
    }

    fn controller(&mut self, controller: Node<'_, '_>) {
        match controller.attribute("type") {
            Some("xenbus") => {
                self.see(controller);
                for own in ["type", "index"] {
                    self.see_attribute(controller, own);
                }
                for (own, key) in [
                    ("maxGrantFrames", "max_grant_frames"),
                    ("maxEventChannels", "max_event_channels"),
                ] {
                    let number = controller.attribute(own);
                    if let Some(number) = number.and_then(|number| number.parse().ok()) {
                        self.see_attribute(controller, own);
                        self.number(key, controller, number);
                    }
                }
            }
            // Those of the emulated machine.
            Some("ide" | "pci" | "fdc" | "isa") => self.see_all(controller),
            _ => {}
        }
    }

    /// xl.cfg(5), `channel`
    fn channel(&mut self, channel: Node<'_, '_>) {
        let target = channel.children().find(|node| node.has_tag_name("target"));
        let Some(target) = target.filter(|node| node.attribute("type") == Some("xen")) else {
            return;
        };
        let Some(name) = target.attribute("name") else {
            return;
        };
        let source = channel.children().find(|node| node.has_tag_name("source"));
        let words = match (
            channel.attribute("type"),
            source.and_then(|one| one.attribute("path")),
        ) {
            (Some("pty"), _) => format!("connection=pty,name={name}"),
            (Some("unix"), Some(path)) => format!("connection=socket,name={name},path={path}"),
            _ => return,
        };
        self.see_all(channel);
        self.item("channel", channel, &words);
    }
}
