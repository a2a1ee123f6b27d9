//! The domain itself: name, memory, CPUs, boot, features.

use super::{Reader, is_named};
use roxmltree::Node;

/// Emulators that Xen uses by itself.
const EMULATORS: &[&str] = &["qemu-system-i386", "qemu-system-x86_64"];

impl Reader {
    /// Reads a domain; returns its description.
    pub(super) fn domain(&mut self, domain: Node<'_, '_>) -> Option<String> {
        self.see(domain);
        for own in ["type", "id"] {
            self.see_attribute(domain, own);
        }
        for own in ["seclabel", "resource"] {
            for node in self.children(domain, own) {
                self.see_all(node);
            }
        }
        for key in ["name", "uuid", "on_poweroff", "on_reboot", "on_crash"] {
            if let Some((node, text)) = self.text_of(domain, key) {
                self.text(key, node, &text);
            }
        }
        self.memory(domain);
        self.cpus(domain);
        let is_hvm = self.os(domain);
        self.features(domain, is_hvm);
        self.clock(domain);
        if let Some(devices) = self.child(domain, "devices") {
            self.devices(devices, is_hvm);
        }
        if is_hvm && self.statements.iter().all(|one| &*one.key != "vnc") {
            // Off for libvirt, on for xl.
            self.number("vnc", domain, 0);
        }
        let words = ["title", "description"].map(|name| self.text_of(domain, name));
        let words = words.into_iter().flatten();
        let words = words.map(|(_, text)| text.split_whitespace().collect::<Vec<_>>().join(" "));
        let words: Vec<_> = words.collect();
        (!words.is_empty()).then(|| words.join(": "))
    }

    fn memory(&mut self, domain: Node<'_, '_>) {
        let most = self.size_mib(domain, "memory");
        let now = self.size_mib(domain, "currentMemory");
        match (most, now) {
            (Some((at, most)), Some((place, now))) => {
                self.number("memory", place, now);
                if most > now {
                    self.number("maxmem", at, most);
                }
            }
            (Some((at, most)), None) => self.number("memory", at, most),
            (None, Some((at, now))) => self.number("memory", at, now),
            (None, None) => {}
        }
    }

    /// A size, in MiB; libvirt's default unit is KiB.
    fn size_mib<'a, 'i>(&mut self, node: Node<'a, 'i>, name: &str) -> Option<(Node<'a, 'i>, u64)> {
        let (node, text) = self.text_of(node, name)?;
        let unit = self.attribute(node, "unit").unwrap_or("KiB");
        let bytes: Option<u64> = match unit.to_ascii_lowercase().as_str() {
            "b" | "byte" | "bytes" => Some(1),
            "kb" => Some(1000),
            "k" | "kib" => Some(1 << 10),
            "mb" => Some(1_000_000),
            "m" | "mib" => Some(1 << 20),
            "gb" => Some(1_000_000_000),
            "g" | "gib" => Some(1 << 30),
            "tb" => Some(1_000_000_000_000),
            "t" | "tib" => Some(1 << 40),
            _ => None,
        };
        let size = bytes.and_then(|bytes| text.parse::<u64>().ok()?.checked_mul(bytes));
        if size.is_none() {
            self.unsee(node);
        }
        Some((node, size? >> 20))
    }

    fn cpus(&mut self, domain: Node<'_, '_>) {
        let mut count = 0;
        if let Some((node, text)) = self.text_of(domain, "vcpu") {
            self.see_attribute(node, "placement");
            let most: u64 = text.parse().unwrap_or_default();
            let now = self.attribute(node, "current");
            count = now.and_then(|now| now.parse().ok()).unwrap_or(most);
            self.number("vcpus", node, count);
            if most > count {
                self.number("maxvcpus", node, most);
            }
            if let Some(cpus) = self.attribute(node, "cpuset") {
                self.text("cpus", node, cpus);
            }
        }
        let Some(tune) = self.child(domain, "cputune") else {
            return;
        };
        let pins = self.children(tune, "vcpupin");
        let Some(first) = pins.first().copied() else {
            return;
        };
        let others = domain.children().find(|node| is_named(*node, "vcpu"));
        let others = others
            .and_then(|node| node.attribute("cpuset"))
            .unwrap_or("all");
        let mut cpus = vec![others.to_owned(); usize::try_from(count.min(4096)).unwrap_or(0)];
        for pin in pins {
            let number = self
                .attribute(pin, "vcpu")
                .and_then(|text| text.parse::<usize>().ok());
            let set = self.attribute(pin, "cpuset");
            if let (Some(number), Some(set)) = (number, set)
                && let Some(place) = cpus.get_mut(number)
            {
                set.clone_into(place);
            }
        }
        self.statements
            .retain(|statement| &*statement.key != "cpus");
        for set in cpus {
            self.item("cpus", first, &set);
        }
    }

    /// Reads what boots; returns whether it is an HVM domain.
    fn os(&mut self, domain: Node<'_, '_>) -> bool {
        if let Some((node, path)) = self.text_of(domain, "bootloader") {
            self.text("bootloader", node, &path);
        }
        if let Some((node, words)) = self.text_of(domain, "bootloader_args") {
            for word in words.split_whitespace() {
                self.item("bootloader_args", node, word);
            }
        }
        let Some(os) = self.child(domain, "os") else {
            return false;
        };
        let mut guest_type = "pv";
        if let Some((node, text)) = self.text_of(os, "type") {
            self.see_attribute(node, "arch");
            let machine = self.attribute(node, "machine").unwrap_or_default();
            guest_type = match &*text {
                "hvm" => "hvm",
                "xenpvh" => "pvh",
                _ if machine == "xenpvh" => "pvh",
                _ => "pv",
            };
            self.text("type", node, guest_type);
        }
        for (name, key) in [
            ("kernel", "kernel"),
            ("initrd", "ramdisk"),
            ("cmdline", "cmdline"),
        ] {
            if let Some((node, text)) = self.text_of(os, name) {
                self.text(key, node, &text);
            }
        }
        if let Some((node, path)) = self.text_of(os, "loader") {
            for own in ["readonly", "type", "secure"] {
                self.see_attribute(node, own);
            }
            let is_default = path.starts_with("/usr/") && path.ends_with("/hvmloader");
            if node.attribute("type") == Some("pflash") {
                self.text("firmware", node, "ovmf");
            }
            if !is_default {
                self.text("firmware_override", node, &path);
            }
        }
        let mut order = String::new();
        let boots = self.children(os, "boot");
        for boot in &boots {
            order.push_str(match self.attribute(*boot, "dev") {
                Some("fd") => "a",
                Some("cdrom") => "d",
                Some("network") => "n",
                _ => "c",
            });
        }
        let is_hvm = guest_type == "hvm";
        if is_hvm {
            let (at, order) = match boots.first() {
                Some(first) => (*first, order.as_str()),
                None => (os, "c"),
            };
            self.text("boot", at, order);
        }
        // libvirt boots PV domains without a kernel as the first Xen did.
        let boots = ["kernel", "bootloader"];
        if guest_type == "pv" && !self.statements.iter().any(|one| boots.contains(&&*one.key)) {
            self.text("bootloader", os, "pygrub");
        }
        is_hvm
    }

    fn features(&mut self, domain: Node<'_, '_>, is_hvm: bool) {
        let features = self.child(domain, "features");
        for key in ["pae", "acpi", "apic", "hap", "viridian"] {
            let node = features.and_then(|features| self.child(features, key));
            if let Some(node) = node {
                let is_on = self.is_on(node);
                self.number(key, node, u64::from(is_on));
            } else if is_hvm && matches!(key, "pae" | "acpi" | "apic") {
                // Off for libvirt, on for xl.
                self.number(key, domain, 0);
            }
        }
        if let Some(features) = features
            && let Some(xen) = self.child(features, "xen")
        {
            if let Some(node) = self.child(xen, "e820_host") {
                let is_on = self.is_on(node);
                self.number("e820_host", node, u64::from(is_on));
            }
            if let Some(node) = self.child(xen, "passthrough") {
                let is_on = self.is_on(node);
                let mode = self.attribute(node, "mode").unwrap_or("enabled");
                self.text("passthrough", node, if is_on { mode } else { "disabled" });
            }
        }
        let Some(cpu) = self.child(domain, "cpu") else {
            return;
        };
        // The CPU of a domain is always that of the host.
        for own in ["mode", "check", "migratable"] {
            self.see_attribute(cpu, own);
        }
        for feature in cpu.children().filter(|node| node.has_tag_name("feature")) {
            if matches!(feature.attribute("name"), Some("vmx" | "svm")) {
                self.see_all(feature);
                let policy = feature.attribute("policy").unwrap_or_default();
                let is_on = !matches!(policy, "disable" | "forbid");
                self.number("nestedhvm", feature, u64::from(is_on));
            }
        }
    }

    /// Whether a feature is on, as it is without a state.
    fn is_on(&mut self, feature: Node<'_, '_>) -> bool {
        self.attribute(feature, "state") != Some("off")
    }

    fn clock(&mut self, domain: Node<'_, '_>) {
        let Some(clock) = self.child(domain, "clock") else {
            return;
        };
        // Whether the guest may change it.
        self.see_attribute(clock, "adjustment");
        match self.attribute(clock, "offset") {
            Some("localtime") => self.number("localtime", clock, 1),
            Some("variable") => {
                if let Some(seconds) = self.attribute(clock, "adjustment") {
                    self.text("rtc_timeoffset", clock, seconds);
                }
            }
            _ => {}
        }
        for timer in clock.children().filter(|node| node.has_tag_name("timer")) {
            let mode = match (timer.attribute("name"), timer.attribute("mode")) {
                (Some("tsc"), Some("native")) => "native",
                (Some("tsc"), Some("emulate")) => "always_emulate",
                (Some("tsc"), Some("paravirt")) => "native_paravirt",
                (Some("tsc"), _) => "default",
                (Some("hpet"), _) => {
                    self.see_all(timer);
                    let is_on = timer.attribute("present") != Some("no");
                    self.number("hpet", timer, u64::from(is_on));
                    continue;
                }
                _ => continue,
            };
            self.see_all(timer);
            self.text("tsc_mode", timer, mode);
        }
    }

    /// The emulator, unless it is Xen's own.
    pub(super) fn emulator(&mut self, devices: Node<'_, '_>) {
        if let Some((node, path)) = self.text_of(devices, "emulator")
            && !(path.starts_with("/usr/")
                && EMULATORS.contains(&path.rsplit('/').next().unwrap_or_default()))
        {
            self.text("device_model_override", node, &path);
        }
    }
}
