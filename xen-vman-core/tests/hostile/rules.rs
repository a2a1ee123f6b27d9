//! What becomes of the text of each key: the one place that a new key is entered.

use serde_json::{Value, json};
use std::net::IpAddr;

/// What an accepted text must become.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// The text, in its normal form, wherever the base definition has its own.
    Text(Text),
    /// What a value of another kind would have become: the value that the text stands for,
    /// or none if it must be refused.
    Value(fn(&str) -> Option<Value>),
    /// Nothing: every text is refused.
    Refused,
}

/// More on a text that arrives as such.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    /// Its documented normal form.
    pub(crate) normal: fn(&str) -> String,
    /// Where xl takes it apart: not compared, as JSON pointers into xl's domain.
    pub(crate) taken_apart: &'static [&'static str],
    /// What it becomes beyond that.
    pub(crate) form: Form,
}

/// Where a text is more than a text.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    /// It is not.
    Plain,
    /// Part of a name of a VM, which becomes a host name, too.
    Name,
    /// Lines of a comment.
    Comment,
    /// Words of a shell.
    Words,
    /// A disk.
    Disk,
    /// A prefix of a name that is cut to length.
    Prefix,
    /// An option of xl.cfg: a file of role variables may have it quoted.
    Option,
}

/// A key's rule, and values that are fine.
pub(crate) struct Known {
    pub(crate) rule: Rule,
    pub(crate) seeds: &'static [&'static str],
}

const PLAIN: Text = Text {
    normal: str::to_owned,
    taken_apart: &[],
    form: Form::Plain,
};

fn text(seeds: &'static [&'static str]) -> Known {
    formed(seeds, Form::Plain)
}

fn formed(seeds: &'static [&'static str], form: Form) -> Known {
    let rule = Rule::Text(Text { form, ..PLAIN });
    Known { rule, seeds }
}

fn normal(seeds: &'static [&'static str], normal: fn(&str) -> String) -> Known {
    let rule = Rule::Text(Text { normal, ..PLAIN });
    Known { rule, seeds }
}

fn apart(seeds: &'static [&'static str], taken_apart: &'static [&'static str]) -> Known {
    let rule = Rule::Text(Text {
        taken_apart,
        ..PLAIN
    });
    Known { rule, seeds }
}

fn value(seeds: &'static [&'static str], value: fn(&str) -> Option<Value>) -> Known {
    let rule = Rule::Value(value);
    Known { rule, seeds }
}

/// What is known of a key of a table (`host`, `defaults`, `vm`, `interface`, `os`).
#[expect(clippy::too_many_lines, reason = "a line or two for each key")]
pub(crate) fn known(table: &str, key: &str) -> Option<Known> {
    Some(match (table, key) {
        ("volume", "name") => text(&["data", "a.b-c", "d_e"]),
        ("volume", "storage_type") => value(&["nfs", "lvm"], |text| {
            word(text, &["nfs", "iscsi", "lvm", "file", "zfs"])
        }),
        ("volume", "filesystem") => value(&["swap", "none", "ext4"], |text| {
            word(
                text,
                &[
                    "ext4", "ext3", "ext2", "xfs", "btrfs", "f2fs", "jfs", "swap", "none",
                ],
            )
        }),
        (_, "snapshot_before") => value(&["reinstall", "growth"], |text| {
            word(text, &["reinstall", "growth"])
        }),
        (_, "mount") => normal(&["/srv", "/var/lib/a-b_c+1.d"], without_slash),
        (_, "mount_options") => text(&[
            "noatime",
            "nodev,subvol=/a_b@c",
            "x-systemd.device-timeout=5",
        ]),
        (_, "vdev") => value(&["xvdb", "hdb", "xvdaa", "xvdb1"], |text| {
            let is_whole = !text.ends_with(|c: char| c.is_ascii_digit());
            let disk: Option<xen_vman_core::values::Vdev> = text.parse().ok();
            disk.filter(|_| is_whole).map(|disk| disk.as_str().into())
        }),
        ("volume", "volume") => text(&["web-swap", "swap-1.img", "a_b"]),
        (_, "vif_type") => value(&["vif", "ioemu"], |text| word(text, &["vif", "ioemu"])),
        (_, "model") => text(&["e1000", "rtl8139"]),
        (_, "pci") => apart(
            &["01:00.0", "0000:02:1f.3,permissive=1", "name=disk"],
            &["/pcidevs"],
        ),
        ("os", "type") => normal(&["debian", "ubuntu", "Windows"], str::to_lowercase),
        ("os", "version") => text(&["bookworm", "12", "24.04"]),
        (_, "org" | "name" | "domain") => formed(&["stuvus", "web01", "a.b-c", "d_e"], Form::Name),
        (_, "description") => formed(
            &[
                "Web server of the union",
                "two\nlines\r\n\nname = 1",
                "bell\u{7} \u{1b}[31m\u{202e}",
            ],
            Form::Comment,
        ),
        (_, "xl_path" | "iscsiadm_path") => normal(
            &["/usr/sbin/xl", "/srv/a b/c", "/srv/100% {%n}/%i;x"],
            without_slash,
        ),
        (_, "vm_config_path" | "kernel" | "initrd" | "debootstrap_keyring") => normal(
            &[
                "/etc/xen/machines",
                "/srv/some folder/there",
                "/srv/%n ${PATH}$$ \"q\" it's \\ `id`/%i",
            ],
            without_slash,
        ),
        (_, "dracut_modules") => text(&["nfs", "network-legacy", "rootfs-block"]),
        (_, "dracut_extra_flags") => formed(
            &["--force", "--add-drivers 'a b'", "-v --omit \"x y\" \\ z"],
            Form::Words,
        ),
        (_, "public_keys") => normal(
            &[
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI admin@example",
                "# off: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI someone",
                "command=\"/bin/true\",no-pty ssh-rsa AAAAB3Nz someone",
            ],
            |text| text.trim().to_owned(),
        ),
        (_, "nfsroot_base") => normal(
            &["nas:/tank/vms", "files.example:/srv/$HOME`id`;%n#x"],
            without_slash,
        ),
        (_, "iscsi_server") => normal(&["10.0.0.6", "san.example", "10.0.0.6:3261"], portal),
        (_, "iscsi_base_wwn") => text(&["iqn.2017-01.de.example", "iqn.2024-12.org.a:b"]),
        (_, "file_dir") => normal(&["/srv/xen", "/mnt/a-b_c+1.d"], without_slash),
        (_, "zfs_dataset") => text(&["tank/vms", "rpool/a.b-c/d_e:f"]),
        (_, "lvm_vg") => text(&["vg0", "vg-1.a", "a+b_c"]),
        (_, "root_volume") => text(&["web-disk", "snapshot-1.img", "a_b"]),
        (_, "debootstrap_packages") => text(&["openssh-server", "g++", "libc6:amd64"]),
        (_, "debootstrap_mirror") => normal(
            &[
                "https://deb.example:8080/debian",
                "file:///srv/mirror/%7Euser",
                "http://[::1]/a,b",
            ],
            without_slash,
        ),
        (_, "debootstrap_components") => text(&["main", "non-free-firmware", "updates/main"]),
        (_, "additional_network_scripts") => normal(
            &["vif-dmz", "some/folder/vif-own", "/srv/scripts/vif-x"],
            |text| text.rsplit('/').next().unwrap_or(text).to_owned(),
        ),
        (_, "lazy_default_network_bridge" | "network_bridge" | "bridge") => {
            text(&["xenbr0", "br-lan", "ovs0.42:100:200"])
        }
        (_, "network_script" | "script") => text(&["vif-route", "/srv/vif-own", "vif.sh"]),
        (_, "global_preparations") => text(&[
            "modprobe loop",
            "echo \"$HOME\" 'it''s' >/dev/null; true",
            "if a\nthen b\nfi",
        ]),
        (_, "header") => text(&["Ansible managed", "#; \\n"]),
        (_, "guest_user") => text(&["admin", "_x-1"]),
        (_, "cpu_str") => apart(
            &["all", "0-3", "all,^1", "0,2"],
            &["/b_info/vcpu_hard_affinity"],
        ),
        (_, "storage_type") => text(&["lvm", "own-store", "file.raw"]),
        (_, "disks") => Known {
            rule: Rule::Text(Text {
                taken_apart: &["/disks"],
                form: Form::Disk,
                ..PLAIN
            }),
            seeds: &[
                "phy:/dev/vg0/data,xvdd,w",
                "/srv/a b.img,raw,xvde,rw",
                "format=qcow2, vdev=hdb, access=ro, target=/srv/c,d=e.img",
                "format=raw, vdev=xvdf, target=/srv/c,",
            ],
        },
        (_, "cmdline") => text(&["root=/dev/xvda ro", "root=LABEL=x init=\"a\\b\" $x"]),
        (_, "spicepasswd" | "vncpasswd") => text(&["secret", "it's \"p\\w\" $x"]),
        (_, "additional_xen_options") => {
            formed(&["plain", "two words", "q\"u'o\\te %i$x"], Form::Option)
        }
        (_, "vifname") => text(&["vif-web", "tap0"]),
        (_, "vifname_prefix") => formed(&["web", "longer-than-a-name"], Form::Prefix),
        (_, "rate") => apart(
            &["10Mb/s", "1GB/s", "250KB/s@20ms"],
            &[
                "/nics/0/rate_bytes_per_interval",
                "/nics/0/rate_interval_usecs",
            ],
        ),
        (_, "xen_str") => Known {
            rule: Rule::Text(Text {
                normal: parameters,
                taken_apart: &[
                    "/nics/0/gatewaydev",
                    "/nics/0/coloft_forwarddev",
                    "/nics/0/model",
                    "/nics/0/nictype",
                    "/nics/0/backend_domname",
                    "/nics/0/trusted",
                    "/nics/0/rate_bytes_per_interval",
                    "/nics/0/rate_interval_usecs",
                ],
                ..PLAIN
            }),
            seeds: &["gatewaydev=br0", "type=vif,model=e1000", "gatewaydev=a b"],
        },
        (_, "reinstall") => text(&["second", "2024-06", "v3"]),
        (_, "xen_version") => value(&["4.17", "4.20.1"], |text| {
            let numbers: Option<Vec<u8>> = text.split('.').map(|part| part.parse().ok()).collect();
            numbers.filter(|all| all.len() > 1).map(|_| text.into())
        }),
        (_, "host_memory") => value(&["65536", "300000"], number),
        (_, "host_cpus") => value(&["8", "64"], number),
        (_, "allow_diagnostics" | "deny_diagnostics") => {
            value(&["empty-value", "shared-disk"], |text| {
                word(text, &["empty-value", "shared-disk"])
            })
        }
        (_, "lvm_thin_pool") => value(&["pool", "thin-1"], |text| Some(text.into())),
        (_, "lvm_wipe") => value(&["zero", "discard"], |text| {
            word(text, &["zero", "discard"])
        }),
        (_, "file_allocation") => {
            value(&["sparse", "full"], |text| word(text, &["sparse", "full"]))
        }
        (_, "lvm_thin_data_limit" | "lvm_thin_metadata_limit") => value(&["1", "100"], number),
        (_, "size") => value(&["64", "1002", "4096"], number),
        (_, "memory" | "maxmem") => value(&["64", "1002", "1001"], number),
        (_, "vcpus" | "mtu" | "spiceport" | "vncdisplay") => value(&["100", "1500", "4"], number),
        (_, "maxvcpus" | "videoram") => value(&["1600", "4096"], number),
        (_, "max_usb_redirections") => value(&["0", "4"], number),
        (
            _,
            "start_timeout"
            | "stop_timeout"
            | "iscsi_login_timeout"
            | "iscsi_logout_timeout"
            | "mount_timeout"
            | "umount_timeout"
            | "global_preparations_timeout",
        ) => value(&["1", "86400", "75"], number),
        (_, "generations_kept" | "generations_kept_days") => value(&["1", "10000", "75"], number),
        (
            _,
            "boot_after_creation"
            | "auto_boot"
            | "auto_install"
            | "spice"
            | "mouse"
            | "share_clipboard"
            | "spicevdagent"
            | "vnc"
            | "vncunused"
            | "manual_root_disk"
            | "lvm_shared"
            | "zfs_sparse"
            | "use_dhcp",
        ) => value(&["yes", "False", "on", "true"], boolean),
        (_, "boot_order") => value(&["dc", "n"], |text| {
            let fits = |c: char| "acdn".contains(c) && text.matches(c).count() == 1;
            (!text.is_empty() && text.chars().all(fits)).then(|| text.into())
        }),
        (_, "vga") => value(&["qxl", "stdvga"], |text| {
            word(text, &["stdvga", "cirrus", "qxl", "none"])
        }),
        (_, "builder") => value(&["hvm", "generic"], |text| word(text, &["generic", "hvm"])),
        (_, "type") => value(&["pvh", "pv", "hvm"], |text| {
            word(text, &["pv", "pvh", "hvm"])
        }),
        (_, "filesystem") => value(&["xfs", "ext3"], |text| {
            word(
                text,
                &["ext4", "ext3", "ext2", "xfs", "btrfs", "f2fs", "jfs"],
            )
        }),
        (_, "debootstrap_variant") => value(&["minbase", "standard"], |text| {
            word(text, &["standard", "minbase", "buildd"])
        }),
        (_, "on_poweroff" | "on_reboot" | "on_crash") => {
            value(&["preserve", "destroy", "restart"], |text| {
                word(
                    text,
                    &[
                        "destroy",
                        "restart",
                        "rename-restart",
                        "preserve",
                        "coredump-destroy",
                        "coredump-restart",
                        "soft-reset",
                    ],
                )
            })
        }
        (_, "guest_hostname") => value(&["web01.example.org", "B-2", "7"], |text| {
            let is_label = |label: &str| {
                (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
            };
            let fits = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
            let is_name = text.chars().all(fits) && text.split('.').all(is_label);
            (is_name && text.len() <= 64).then(|| text.into())
        }),
        (_, "ip" | "ipv6" | "connection_ip") => value(
            &[
                "10.0.0.15/24",
                "10.0.0.17",
                "10.0.0.18/255.255.255.0",
                "2001:DB8::0:17/64",
            ],
            host_address,
        ),
        (_, "spicehost") => value(
            &["10.0.0.254", "2001:DB8:0::fe", "host-1.example"],
            |text| {
                let host: Option<xen_vman_core::values::DisplayHost> = text.parse().ok();
                host.map(|host| host.to_string().into())
            },
        ),
        (_, "gateway" | "gateway6" | "nameserver" | "vnclisten") => {
            value(&["10.0.0.254", "2001:DB8:0::fe", "::1"], |text| {
                text.parse()
                    .ok()
                    .map(|address: IpAddr| address.to_string().into())
            })
        }
        (_, "uuid") => value(&["1B4E28BA-2fa1-11d2-883f-0016d3cca42f"], |text| {
            let fits = |c: char| c.is_ascii_hexdigit() || c == '-';
            (text.len() == 36 && text.chars().all(fits)).then(|| text.to_lowercase().into())
        }),
        (_, "mac") => value(&["00-16-3E-00-00-16", "02:00:00:00:00:aB"], |text| {
            let fits = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '-';
            let fits = text.len() == 17 && text.chars().all(fits);
            fits.then(|| text.to_lowercase().replace('-', ":").into())
        }),
        (_, "after") => value(&["own-pv", "ZQdomainQZ"], |text| {
            word(
                text,
                &["own-pv", "own-hvm", "ZQdomainQZ", "zqgroup-zqmachine"],
            )
        }),
        ("vm", "interfaces" | "volumes" | "os") | ("vm" | "interface", "extra") => Known {
            rule: Rule::Refused,
            seeds: &["eth0", "debian"],
        },
        _ => return None,
    })
}

fn without_slash(text: &str) -> String {
    text.trim_end_matches('/').to_owned()
}

/// With the port that is meant where none is written.
fn portal(text: &str) -> String {
    if text.contains(':') {
        text.to_owned()
    } else {
        format!("{text}:3260")
    }
}

/// Without blanks around items, and without empty ones.
fn parameters(text: &str) -> String {
    let items = text.split(',').map(|item| item.trim_matches(' '));
    let items: Vec<_> = items.filter(|item| !item.is_empty()).collect();
    items.join(",")
}

fn number(text: &str) -> Option<Value> {
    let decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = decimal && (text == "0" || !text.starts_with('0'));
    text.parse::<u32>().ok().filter(|_| plain).map(Value::from)
}

fn boolean(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(json!(true)),
        "no" | "false" | "off" => Some(json!(false)),
        _ => None,
    }
}

fn word(text: &str, words: &[&str]) -> Option<Value> {
    words.contains(&text).then(|| text.into())
}

/// An address, with its prefix as a number.
fn host_address(text: &str) -> Option<Value> {
    let Some((address, mask)) = text.split_once('/') else {
        let address: IpAddr = text.parse().ok()?;
        return Some(address.to_string().into());
    };
    let address: IpAddr = address.parse().ok()?;
    let prefix = match mask.parse::<std::net::Ipv4Addr>() {
        Ok(mask) => u32::from(mask).leading_ones(),
        Err(_) => number(mask)?.as_u64()?.try_into().ok()?,
    };
    Some(format!("{address}/{prefix}").into())
}
