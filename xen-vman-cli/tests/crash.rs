//! What a power cut may leave of an apply.
//!
//! The system calls of a real apply are recorded (strace). A state of the disk after a power cut is
//! made from a prefix of them: what was synced is there; of the rest, any part may be missing or
//! torn, in any combination. From each state, apply must lead to what is wanted, and rollback to
//! what was before.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by a panic and says what it explored"
)]

mod support;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{code, command, skipped, tree};
use xen_vman_core::host::{
    Event, HostDir, HostError, Options, Watcher, apply, observe, plan, rollback,
};
use xen_vman_core::plan::{Plan, status};
use xen_vman_core::{Assets, Facts, Output, Source, Templates, compile};

/// The number of an inode.
type Node = usize;

/// What is at a path.
#[derive(Debug, Clone)]
enum Kind {
    Directory,
    File,
    Link(String),
}

/// A change that an apply has made.
#[derive(Debug, Clone)]
enum Change {
    /// An entry of a directory now leads to a node.
    Enter {
        directory: Node,
        name: String,
        node: Node,
    },
    /// An entry now has another name; what had that name before is gone.
    Rename {
        directory: Node,
        from: String,
        to: String,
        node: Node,
    },
    /// An entry is gone.
    Leave { directory: Node, name: String },
    /// Part of a file was written.
    Write {
        node: Node,
        offset: usize,
        bytes: Vec<u8>,
    },
    /// The permissions of a node were set.
    Mode { node: Node, mode: u32 },
    /// All earlier changes of a file or of the entries of a directory are on the disk.
    Sync { node: Node },
}

impl Change {
    /// The node that must be synced for this to be on the disk.
    const fn of(&self) -> Node {
        match self {
            Self::Enter { directory, .. }
            | Self::Rename { directory, .. }
            | Self::Leave { directory, .. } => *directory,
            Self::Write { node, .. } | Self::Mode { node, .. } | Self::Sync { node } => *node,
        }
    }
}

/// A file system in memory.
#[derive(Debug, Clone, Default)]
struct Disk {
    kinds: Vec<Kind>,
    entries: BTreeMap<Node, BTreeMap<String, Node>>,
    contents: BTreeMap<Node, Vec<u8>>,
    modes: BTreeMap<Node, u32>,
}

impl Disk {
    fn add(&mut self, kind: Kind, mode: u32) -> Node {
        let node = self.kinds.len();
        self.kinds.push(kind);
        self.modes.insert(node, mode);
        node
    }

    /// Reads a directory and all that is below it; its node is 0.
    fn read(root: &Path) -> Self {
        let mut disk = Self::default();
        let mode = |path: &Path| path.symlink_metadata().unwrap().permissions().mode() & 0o7777;
        disk.add(Kind::Directory, mode(root));
        let mut left = vec![(0, root.to_owned())];
        while let Some((directory, path)) = left.pop() {
            for entry in fs::read_dir(path).unwrap() {
                let path = entry.unwrap().path();
                let data = path.symlink_metadata().unwrap();
                let kind = if data.is_dir() {
                    Kind::Directory
                } else if data.is_symlink() {
                    Kind::Link(fs::read_link(&path).unwrap().to_str().unwrap().to_owned())
                } else {
                    Kind::File
                };
                let node = disk.add(kind.clone(), mode(&path));
                match kind {
                    Kind::Directory => left.push((node, path.clone())),
                    Kind::File => {
                        disk.contents.insert(node, fs::read(&path).unwrap());
                    }
                    Kind::Link(_) => {}
                }
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                disk.entries
                    .entry(directory)
                    .or_default()
                    .insert(name, node);
            }
        }
        disk
    }

    fn find(&self, path: &str) -> Option<Node> {
        let mut words = path.split('/').filter(|word| !word.is_empty());
        words.try_fold(0, |node, word| self.entries.get(&node)?.get(word).copied())
    }

    fn change(&mut self, change: &Change) {
        match change.clone() {
            Change::Enter {
                directory,
                name,
                node,
            } => {
                self.entries
                    .entry(directory)
                    .or_default()
                    .insert(name, node);
            }
            Change::Rename {
                directory,
                from,
                to,
                node,
            } => {
                let entries = self.entries.entry(directory).or_default();
                if entries.get(&from) == Some(&node) {
                    entries.remove(&from);
                }
                entries.insert(to, node);
            }
            Change::Leave { directory, name } => {
                self.entries.entry(directory).or_default().remove(&name);
            }
            Change::Write {
                node,
                offset,
                bytes,
            } => {
                let content = self.contents.entry(node).or_default();
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[offset..end].copy_from_slice(&bytes);
            }
            Change::Mode { node, mode } => {
                self.modes.insert(node, mode);
            }
            Change::Sync { .. } => {}
        }
    }

    /// All that can be reached, by path: the mode, and the content or the target.
    fn reachable(&self) -> Vec<(String, Node)> {
        let mut found = Vec::new();
        let mut left = vec![(String::new(), 0)];
        while let Some((path, node)) = left.pop() {
            for (name, node) in self.entries.get(&node).into_iter().flatten() {
                let path = format!("{path}/{name}");
                found.push((path.clone(), *node));
                left.push((path, *node));
            }
        }
        found.sort();
        found
    }

    fn write_to(&self, root: &Path) {
        for (path, node) in self.reachable() {
            let path = root.join(&path[1..]);
            match &self.kinds[node] {
                Kind::Directory => fs::create_dir(&path).unwrap(),
                Kind::Link(target) => symlink(target, &path).unwrap(),
                Kind::File => {
                    let content = self.contents.get(&node).map_or(&[][..], Vec::as_slice);
                    fs::write(&path, content).unwrap();
                }
            }
            if !matches!(self.kinds[node], Kind::Link(_)) {
                let mode = fs::Permissions::from_mode(self.modes[&node]);
                fs::set_permissions(&path, mode).unwrap();
            }
        }
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (path, node) in self.reachable() {
            path.hash(&mut hasher);
            self.modes[&node].hash(&mut hasher);
            self.contents.get(&node).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// A system call in strace's output, which succeeded.
struct Call<'l> {
    name: &'l str,
    arguments: &'l str,
    result: &'l str,
}

impl<'l> Call<'l> {
    fn read(line: &'l str) -> Option<Self> {
        let (_, line) = line.split_once(' ')?;
        let (name, rest) = line.trim_start().split_once('(')?;
        let (arguments, result) = rest.rsplit_once(" = ")?;
        let arguments = arguments.trim_end().strip_suffix(')')?;
        (!result.starts_with('-')).then_some(Self {
            name,
            arguments,
            result,
        })
    }

    /// The paths of the open files among its arguments.
    fn files(&self) -> Vec<String> {
        let parts = self.arguments.split('<').skip(1);
        let paths = parts.filter_map(|part| part.split_once('>'));
        let paths = paths.map(|(path, _)| String::from_utf8(unescaped(path)));
        paths.collect::<Result<_, _>>().unwrap()
    }

    /// The strings among its arguments.
    fn strings(&self) -> Vec<Vec<u8>> {
        self.arguments
            .split('"')
            .skip(1)
            .step_by(2)
            .map(unescaped)
            .collect()
    }
}

/// A text in which every byte is written as `\xHH` (strace -xx).
fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.split("\\x").skip(1);
    bytes
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}

/// The changes that the calls of an apply have made to a disk, in order.
fn changes(log: &str, root: &str, mut live: Disk) -> (Vec<Change>, Vec<Kind>) {
    let mut changes = Vec::new();
    let mut offsets: BTreeMap<Node, usize> = BTreeMap::new();
    for call in log.lines().filter_map(Call::read) {
        let below = |path: String| path.strip_prefix(root).map(str::to_owned);
        let files: Vec<Option<String>> = call.files().into_iter().map(below).collect();
        let strings = call.strings();
        let text = |index: usize| String::from_utf8(strings[index].clone()).unwrap();
        let Some(Some(file)) = files.first() else {
            continue;
        };
        let node = live.find(file);
        let mut new = Vec::new();
        match call.name {
            "mkdirat" | "symlinkat" | "openat" => {
                let (name, kind, mode) = match call.name {
                    "mkdirat" => (text(0), Kind::Directory, 0o755),
                    "symlinkat" => (text(1), Kind::Link(text(0)), 0o777),
                    _ => (text(0), Kind::File, 0o600),
                };
                let directory = node.unwrap();
                let is_new = live.find(&format!("{file}/{name}")).is_none();
                if name == "."
                    || !is_new
                    || (call.name == "openat" && !call.arguments.contains("O_CREAT"))
                {
                    continue;
                }
                let node = live.add(kind, mode);
                new.push(Change::Enter {
                    directory,
                    name,
                    node,
                });
            }
            "write" => {
                let (node, bytes) = (node.unwrap(), strings[0].clone());
                let appends = live.contents.get(&node).map_or(0, Vec::len);
                let offset = *offsets.get(&node).unwrap_or(&appends);
                offsets.insert(node, offset + bytes.len());
                new.push(Change::Write {
                    node,
                    offset,
                    bytes,
                });
            }
            "fchmod" => {
                let mode = call.arguments.rsplit_once(", ").unwrap().1;
                let mode = u32::from_str_radix(mode, 8).unwrap();
                new.extend(node.map(|node| Change::Mode { node, mode }));
            }
            "fsync" => new.extend(node.map(|node| Change::Sync { node })),
            "renameat" | "renameat2" => {
                let (from, to) = (text(0), text(1));
                let node = live.find(&format!("{file}/{from}")).unwrap();
                new.push(Change::Rename {
                    directory: live.find(file).unwrap(),
                    from,
                    to,
                    node,
                });
            }
            "unlinkat" => new.push(Change::Leave {
                directory: node.unwrap(),
                name: text(0),
            }),
            other => panic!("{other} is not traced: {}", call.result),
        }
        for change in new {
            live.change(&change);
            changes.push(change);
        }
    }
    (changes, live.kinds)
}

/// Numbers that are the same in every run (`SplitMix64`).
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }
}

/// A disk after a power cut behind some of the changes.
fn after_a_cut(before: &Disk, kinds: &[Kind], done: &[Change], random: &mut Random) -> Disk {
    let mut disk = before.clone();
    disk.kinds = kinds.to_vec();
    for (node, kind) in kinds.iter().enumerate().skip(before.kinds.len()) {
        let mode = match kind {
            Kind::Directory => 0o755,
            _ => 0o600,
        };
        disk.modes.insert(node, mode);
    }
    let mut synced: HashSet<Node> = HashSet::new();
    let is_durable: Vec<bool> = done
        .iter()
        .rev()
        .map(|change| {
            if let Change::Sync { node } = change {
                synced.insert(*node);
            }
            synced.contains(&change.of())
        })
        .collect();
    // Mostly all or nothing of the last changes, sometimes any part of them.
    let survivors = random.below(5);
    for (change, is_durable) in done.iter().zip(is_durable.into_iter().rev()) {
        if is_durable || random.below(4) < survivors {
            match change {
                Change::Write {
                    node,
                    offset,
                    bytes,
                } if !is_durable && random.below(3) == 0 => disk.change(&Change::Write {
                    node: *node,
                    offset: *offset,
                    bytes: bytes[..random.below(bytes.len() + 1)].to_vec(),
                }),
                whole => disk.change(whole),
            }
        }
    }
    disk
}

struct Silent;

impl Watcher for Silent {
    fn approve(&mut self, _: &Plan) -> Result<(), String> {
        Ok(())
    }

    fn tell(&mut self, _: Event<'_>) {}
}

fn rendered(definition: &Path) -> Output {
    let text = fs::read_to_string(definition).unwrap();
    let source = Source::new("host.toml", text).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    assert!(!compiled.report.has_errors());
    compiled
        .render(&Templates::embedded(), &Assets::default())
        .unwrap()
}

fn options() -> Options<'static> {
    Options {
        prune: true,
        ..Options::default()
    }
}

/// The tree without what differs with what happened.
fn wanted_of(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = tree(root);
    found.retain(|path, _| !path.starts_with("var/lib/xen-vman") && !path.starts_with("run"));
    found
}

/// Checks what apply and rollback make of a state; gives what is wrong.
fn judge(disk: &Disk, output: &Output, trees: &Trees, rolls_back: bool) -> Result<(), String> {
    let place = tempfile::tempdir_in(shared_memory()).unwrap();
    disk.write_to(place.path());
    let dir = HostDir::open(place.path()).unwrap();
    let failed = |what: &str, error: &dyn std::fmt::Display| Err(format!("{what}: {error}"));
    match observe(&dir, output) {
        Ok(observed) => drop(status(output, &observed)),
        Err(error) => return failed("status", &error),
    }
    for (path, entry) in wanted_of(place.path()) {
        let is_new = path.to_string_lossy().ends_with(".xen-vman-new");
        if !is_new && trees.old.get(&path) != Some(&entry) && trees.new.get(&path) != Some(&entry) {
            return Err(format!(
                "{} is neither the old nor the new one",
                path.display()
            ));
        }
    }
    let (what, wanted) = if rolls_back {
        match rollback(&dir, Some(trees.generation), &mut Silent) {
            // The power was cut before the first generation, and so before the first change.
            Ok(_) | Err(HostError::NoGeneration(0)) => {}
            Err(error) => return failed("rollback", &error),
        }
        ("rollback", &trees.old)
    } else {
        match apply(&dir, output, &options(), &mut Silent) {
            Ok(applied) if applied.failures.is_empty() => {}
            Ok(applied) => return Err(format!("{:?}", applied.failures)),
            Err(error) => return failed("apply", &error),
        }
        let left = plan(&dir, output, true).map_err(|error| error.to_string())?;
        if !left.is_empty() {
            return Err(format!("something is left to do: {}", left.to_json()));
        }
        ("apply", &trees.new)
    };
    let found = wanted_of(place.path());
    let paths: HashSet<_> = found.keys().chain(wanted.keys()).collect();
    let mut differing: Vec<_> = paths
        .into_iter()
        .filter(|path| found.get(*path) != wanted.get(*path))
        .collect();
    // A rollback has nothing to do with new files that were not renamed.
    differing.retain(|path| !rolls_back || !path.to_string_lossy().ends_with(".xen-vman-new"));
    if differing.is_empty() {
        return Ok(());
    }
    Err(format!("{what} ends elsewhere: {differing:?}"))
}

/// The trees before an apply and after it.
struct Trees {
    /// The generation that the old one is.
    generation: u32,
    old: BTreeMap<PathBuf, (u32, Vec<u8>)>,
    new: BTreeMap<PathBuf, (u32, Vec<u8>)>,
}

/// Memory is much faster than a disk, and what is written there need not survive.
fn shared_memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    }
}

/// How many states to explore of each apply: `make soak` sets more.
fn states() -> usize {
    let chosen = std::env::var("XEN_VMAN_CRASH_STATES").ok();
    chosen.map_or(1500, |chosen| chosen.parse().unwrap())
}

#[test]
fn from_whatever_a_power_cut_leaves_apply_and_rollback_get_where_they_should() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let (old, new) = (cases.join("old.toml"), cases.join("new.toml"));
    explore(Some(&old), &new);
    explore(None, &new);
}

/// Explores what a power cut may leave of the apply of one definition after another.
fn explore(old: Option<&Path>, new: &Path) {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().canonicalize().unwrap();
    let all = ["--prune", "--yes", "--remove-all"];
    if let Some(old) = old {
        code(&command("apply", old, &root, &all).output().unwrap(), 0);
    }
    let before = Disk::read(&root);
    let old_tree = wanted_of(&root);

    let log = tempfile::NamedTempFile::new().unwrap();
    let traced = command("apply", new, &root, &all);
    let calls = "mkdirat,openat,write,fchmod,fsync,renameat,renameat2,symlinkat,unlinkat";
    let run = Command::new("strace")
        .args(["-f", "-qq", "-y", "-xx", "-s", "10000000", "-e"])
        .arg(format!("trace={calls}"))
        .arg("-o")
        .arg(log.path())
        .arg(traced.get_program())
        .args(traced.get_args())
        .output();
    if !run.is_ok_and(|run| run.status.success()) {
        return skipped::judge("strace cannot be run");
    }
    let log = fs::read_to_string(log.path()).unwrap();
    let (changes, kinds) = changes(&log, root.to_str().unwrap(), before.clone());
    assert!(changes.len() > 80, "{}", changes.len());
    let trees = Trees {
        generation: u32::from(old.is_some()),
        old: old_tree,
        new: wanted_of(&root),
    };
    let output = rendered(new);

    let states = states();
    let (number, distinct) = (AtomicUsize::new(0), Mutex::new(HashSet::new()));
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                loop {
                    let number = number.fetch_add(1, Ordering::Relaxed);
                    if number >= states || wrong.lock().unwrap().len() > 5 {
                        return;
                    }
                    let mut random = Random(u64::try_from(number).unwrap());
                    let cut = 1 + random.below(changes.len());
                    let disk = after_a_cut(&before, &kinds, &changes[..cut], &mut random);
                    let rolls_back = random.below(3) == 0;
                    let is_new = distinct
                        .lock()
                        .unwrap()
                        .insert((disk.fingerprint(), rolls_back));
                    if !is_new {
                        continue;
                    }
                    if let Err(what) = judge(&disk, &output, &trees, rolls_back) {
                        let text = format!("state {number}, cut after {cut}: {what}");
                        wrong.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!(
        "{states} states, {} of them different, from {} changes",
        distinct.into_inner().unwrap().len(),
        changes.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
}
