//! Finds out what uses a volume on this host: mounts in any namespace, devices on top of it, swap,
//! open files of processes, and disks of domains.

use super::machine::demand;
use super::{HostDir, HostError, dir::failed, observe};
use crate::command::Command;
use crate::storage::{BlockDevice, Medium, Mount};
use nix::sys::stat::{SFlag, major, minor, stat};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How long xenstored may take to answer, in seconds.
const XENSTORE_SECS: u32 = 30;

/// How long the kernel may take to list loop devices, in seconds.
const LOOPS_SECS: u32 = 30;

/// What uses a medium, as descriptions.
pub(super) fn of(host: &HostDir, medium: &Medium) -> Result<Vec<String>, HostError> {
    let mut found = BTreeSet::new();
    match medium {
        Medium::Disk(disk) => of_disk(host, disk, &mut found)?,
        Medium::Directory(mount) => of_export(mount, &mut found)?,
    }
    Ok(found.into_iter().collect())
}

fn of_disk(
    host: &HostDir,
    disk: &BlockDevice,
    found: &mut BTreeSet<String>,
) -> Result<(), HostError> {
    let image = image_at(&disk.path);
    let wholes = match &image {
        Some(image) => loops(host, image, found)?,
        None => {
            let device = device_at(&disk.path);
            vec![device.ok_or_else(|| {
                let why = io::Error::other("no block device and no image file");
                failed("read", &disk.path, why)
            })?]
        }
    };
    let mut devices = BTreeSet::new();
    for device in wholes {
        let parts = partitions(&device).map_err(|error| failed("list", &device.sysfs(), error))?;
        devices.extend(parts.into_iter().chain([device]));
    }
    let is_image = |path: &Path| image.as_deref() == Some(path);
    let is_device = |path: &str| device_at(path).is_some_and(|number| devices.contains(&number));
    let is_ours = |path: &str| is_image(Path::new(path)) || is_device(path);
    for number in &devices {
        let holders = format!("{}/holders", number.sysfs());
        let names = names(Path::new(&holders)).map_err(|error| failed("list", &holders, error))?;
        found.extend(
            names
                .into_iter()
                .map(|name| format!("the device {name} on top of it")),
        );
    }
    let swaps = read("/proc/swaps")?;
    let swaps = swaps.lines().filter_map(|line| line.split(' ').next());
    found.extend(
        swaps
            .filter(|path| is_ours(path))
            .map(|path| format!("swap on {path}")),
    );
    for process in processes()? {
        for mount in process.mounts() {
            if devices.iter().any(|number| mount.number == number.text()) || is_ours(&mount.source)
            {
                found.insert(process.mount(&mount));
            }
        }
        // Only devices are looked at: a file on a dead server would block.
        let mut open = process.open().into_iter();
        if open.any(|(link, target)| {
            is_image(&target) || target.starts_with("/dev") && link.to_str().is_some_and(is_device)
        }) {
            found.insert(process.describe());
        }
    }
    let domains = domains(host, |key, value| match key {
        "physical-device" => devices.iter().any(|number| number.hex() == value),
        "params" => is_ours(value),
        _ => false,
    })?;
    found.extend(domains);
    Ok(())
}

/// The file at a path, by its real path, if it is a plain file.
fn image_at(path: &str) -> Option<PathBuf> {
    let real = fs::canonicalize(path).ok()?;
    real.is_file().then_some(real)
}

/// The loop devices of an image.
fn loops(
    host: &HostDir,
    image: &Path,
    found: &mut BTreeSet<String>,
) -> Result<Vec<Number>, HostError> {
    let image = image.to_string_lossy();
    let words = [
        "losetup",
        "--noheadings",
        "--output",
        "NAME",
        "--associated",
        &image,
    ];
    let ran = demand(host, &Command::new(words, LOOPS_SECS))?;
    let said = String::from_utf8_lossy(&ran.stdout);
    let names = said.split_ascii_whitespace();
    found.extend(names.clone().map(|name| format!("the loop device {name}")));
    Ok(names.filter_map(device_at).collect())
}

fn of_export(export: &Mount, found: &mut BTreeSet<String>) -> Result<(), HostError> {
    for process in processes()? {
        let mut local = Vec::new();
        for mount in process.mounts() {
            match mount.relation_to(&export.source) {
                Some(Relation::Inside) => {
                    found.insert(process.mount(&mount));
                }
                Some(Relation::Around(rest)) => local.push(Path::new(&mount.point).join(rest)),
                None => {}
            }
        }
        let is_inside = |path: &Path| local.iter().any(|dir| path.starts_with(dir));
        if process.open().iter().any(|(_, target)| is_inside(target)) {
            found.insert(process.describe());
        }
    }
    Ok(())
}

/// The number of a block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    major: u64,
    minor: u64,
}

impl Number {
    fn text(self) -> String {
        format!("{}:{}", self.major, self.minor)
    }

    /// As in xenstore.
    fn hex(self) -> String {
        format!("{:x}:{:x}", self.major, self.minor)
    }

    fn sysfs(self) -> String {
        format!("/sys/dev/block/{}", self.text())
    }
}

/// The block device at a path, if there is one.
fn device_at(path: &str) -> Option<Number> {
    if !path.starts_with('/') {
        return None;
    }
    let stat = stat(path).ok()?;
    let is_block = stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFBLK.bits();
    is_block.then(|| Number {
        major: major(stat.st_rdev),
        minor: minor(stat.st_rdev),
    })
}

/// The partitions of a device.
fn partitions(device: &Number) -> io::Result<Vec<Number>> {
    let dir = device.sysfs();
    let mut found = Vec::new();
    for name in names(Path::new(&dir))? {
        if !Path::new(&format!("{dir}/{name}/partition")).exists() {
            continue;
        }
        let number = fs::read_to_string(format!("{dir}/{name}/dev"))?;
        let number = number.trim().split_once(':');
        let number = number.and_then(|(major, minor)| {
            Some(Number {
                major: major.parse().ok()?,
                minor: minor.parse().ok()?,
            })
        });
        found.extend(number);
    }
    Ok(found)
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

fn read(path: &str) -> Result<String, HostError> {
    fs::read_to_string(path).map_err(|error| failed("read", path, error))
}

/// A process, which may end while it is looked at.
struct Process(u32);

fn processes() -> Result<Vec<Process>, HostError> {
    let names = names(Path::new("/proc")).map_err(|error| failed("list", "/proc", error))?;
    let pids = names.iter().filter_map(|name| name.parse().ok());
    Ok(pids.map(Process).collect())
}

impl Process {
    fn dir(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.0))
    }

    /// The mounts of its namespace.
    fn mounts(&self) -> Vec<Mounted> {
        let text = fs::read(self.dir().join("mountinfo")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().filter_map(Mounted::read).collect()
    }

    /// The files that it has open, with its directories: the link in `/proc`, and where that
    /// leads.
    fn open(&self) -> Vec<(PathBuf, PathBuf)> {
        let dir = self.dir();
        let files = names(&dir.join("fd")).unwrap_or_default().into_iter();
        let files = files.map(|name| dir.join("fd").join(name));
        let links = files.chain(["cwd", "root"].map(|name| dir.join(name)));
        links
            .filter_map(|link| Some((link.clone(), fs::read_link(&link).ok()?)))
            .collect()
    }

    fn describe(&self) -> String {
        let name = fs::read(self.dir().join("comm")).unwrap_or_default();
        let name = String::from_utf8_lossy(&name);
        let name = crate::diag::text::printable(name.trim());
        format!("process {} ({name})", self.0)
    }

    fn mount(&self, mount: &Mounted) -> String {
        let point = crate::diag::text::printable(&mount.point);
        let is_here =
            fs::read_link(self.dir().join("ns/mnt")).ok() == fs::read_link("/proc/1/ns/mnt").ok();
        if is_here {
            format!("a mount at {point}")
        } else {
            format!("a mount at {point} in the namespace of {}", self.describe())
        }
    }
}

/// A mount (`proc_pid_mountinfo(5)`).
#[derive(Debug, PartialEq, Eq)]
struct Mounted {
    number: String,
    point: String,
    fs_type: String,
    source: String,
    options: String,
}

/// How a mount of a server relates to an export.
#[derive(Debug, PartialEq, Eq)]
enum Relation {
    /// It is that export, or inside it.
    Inside,
    /// The export is inside it, at this relative path.
    Around(PathBuf),
}

impl Mounted {
    fn read(line: &str) -> Option<Self> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ');
        let mut file_system = file_system.split(' ');
        Some(Self {
            number: mount.nth(2)?.to_owned(),
            point: unescaped(mount.nth(1)?),
            fs_type: file_system.next()?.to_owned(),
            source: unescaped(file_system.next()?),
            options: file_system.next()?.to_owned(),
        })
    }

    fn relation_to(&self, export: &str) -> Option<Relation> {
        if !self.fs_type.starts_with("nfs") {
            return None;
        }
        let (server, path) = self.source.split_once(":/")?;
        let (wanted_server, wanted) = export.split_once(":/")?;
        let addresses = self.options.split(',');
        let mut addresses = addresses.filter_map(|option| option.strip_prefix("addr="));
        let plain = wanted_server.trim_matches(['[', ']']);
        let is_same = server == wanted_server || addresses.any(|address| address == plain);
        if !is_same {
            return None;
        }
        let (path, wanted) = (Path::new(path), Path::new(wanted));
        if path.starts_with(wanted) {
            return Some(Relation::Inside);
        }
        let rest = wanted.strip_prefix(path).ok()?;
        Some(Relation::Around(rest.to_owned()))
    }
}

/// A field of mountinfo, in which spaces and some other characters are octal escapes.
fn unescaped(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3);
        let byte = code.and_then(|code| u8::from_str_radix(code, 8).ok());
        match byte {
            Some(byte) => {
                out.push(char::from(byte));
                out.push_str(part.get(3..).unwrap_or_default());
            }
            None => {
                out.push('\\');
                out.push_str(part);
            }
        }
    }
    out
}

/// The domains that have a disk for which `is_it` holds, given the keys and values of the disk in
/// xenstore.
fn domains(host: &HostDir, is_it: impl Fn(&str, &str) -> bool) -> Result<Vec<String>, HostError> {
    if !observe::is_xen(host)? {
        return Ok(Vec::new());
    }
    // The directory of the backends may not exist yet, this one does.
    let list = ["xenstore-ls", "-f", "/local/domain/0"];
    let ran = demand(host, &Command::new(list, XENSTORE_SECS))?;
    Ok(domains_in(&String::from_utf8_lossy(&ran.stdout), is_it))
}

/// Reads lines such as `/local/domain/0/backend/vbd/5/51712/params = "/dev/sda"`.
fn domains_in(listed: &str, is_it: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let lines = listed.lines().filter_map(|line| line.split_once(" = "));
    let disks = lines.filter_map(|(path, value)| {
        let mut words = path.strip_prefix("/local/domain/0/backend/")?.split('/');
        let domain = words.nth(1)?;
        let key = words.nth(1)?;
        is_it(key, value.trim_matches('"')).then(|| format!("the domain with ID {domain}"))
    });
    disks.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;

    const NFS: &str =
        "36 35 0:98 / /mnt/a\\040b rw,noatime master:1 - nfs4 10.0.0.5:/tank/org rw,addr=10.0.0.5";

    #[test]
    fn mounts_are_read() {
        let mount = Mounted::read(NFS).unwrap();
        assert_eq!(mount.point, "/mnt/a b");
        assert_eq!(mount.number, "0:98");
        assert_eq!(mount.source, "10.0.0.5:/tank/org");
        assert_eq!(unescaped("a\\134b\\"), "a\\b\\");
    }

    #[test]
    fn an_export_is_in_use_by_mounts_of_it_and_inside_it() {
        let mount = Mounted::read(NFS).unwrap();
        let inside = Some(Relation::Inside);
        assert_eq!(mount.relation_to("10.0.0.5:/tank/org"), inside);
        assert_eq!(mount.relation_to("10.0.0.5:/tank"), inside);
        let around = Some(Relation::Around("web-root".into()));
        assert_eq!(mount.relation_to("10.0.0.5:/tank/org/web-root"), around);
        assert_eq!(mount.relation_to("10.0.0.5:/tank/organ"), None);
        assert_eq!(mount.relation_to("10.0.0.6:/tank/org"), None);
        let by_name = Mounted {
            source: "nas:/tank/org".to_owned(),
            ..mount
        };
        assert_eq!(by_name.relation_to("10.0.0.5:/tank/org"), inside);
    }

    #[test]
    fn disks_of_domains_are_found() {
        let listed = "/local/domain/0/backend/vbd = \"\"\n\
                      /local/domain/0/backend/vbd/5/51712/physical-device = \"8:10\"\n\
                      /local/domain/0/backend/vbd/5/51712/params = \"/dev/sdb\"\n\
                      /local/domain/0/backend/qdisk/7/51712/params = \"aio:/srv/x\"\n";
        let found = domains_in(listed, |key, value| key == "params" && value == "/dev/sdb");
        assert_eq!(found, ["the domain with ID 5"]);
        let none = domains_in(listed, |_, value| value == "/dev/sdc");
        assert!(none.is_empty());
    }

    #[test]
    fn this_process_and_its_directory_are_seen() {
        let own = Process(std::process::id());
        let cwd = std::env::current_dir().unwrap();
        assert!(own.open().iter().any(|(_, target)| *target == cwd));
        assert!(own.mounts().iter().any(|mount| mount.point == "/"));
    }
}
