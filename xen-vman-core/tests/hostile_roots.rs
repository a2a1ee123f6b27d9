//! Roots of guests that want to be read or written elsewhere: random trees, and a thread that swaps
//! directories for links while files are written.
#![cfg(feature = "host")]
#![allow(clippy::disallowed_methods, reason = "tests look at directories")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use proptest::prelude::*;
use proptest::sample::select;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use xen_vman_core::host::{GuestRoot, HostDir};
use xen_vman_core::plan::FileOwner;

/// What a guest may put at a path.
#[derive(Debug, Clone)]
enum Thing {
    Directory,
    File,
    Sparse,
    Pipe,
    Device,
    Link(&'static str),
}

fn thing() -> impl Strategy<Value = Thing> {
    const TARGETS: [&str; 10] = [
        "..",
        "/",
        "../../outside",
        "/../../outside",
        "a",
        "b/../..",
        ".",
        "/proc/self/root",
        "loop",
        "\u{1b}[2J",
    ];
    prop_oneof![
        4 => Just(Thing::Directory),
        1 => Just(Thing::File),
        1 => Just(Thing::Sparse),
        1 => Just(Thing::Pipe),
        1 => Just(Thing::Device),
        4 => select(&TARGETS[..]).prop_map(Thing::Link),
    ]
}

/// Names of directories and files, odd ones among them.
const NAMES: [&str; 7] = [
    "a",
    "b",
    "etc",
    "loop",
    ".a.xen-vman-new",
    "new\nline",
    "\u{202e}txt",
];

fn path() -> impl Strategy<Value = String> {
    let names = proptest::collection::vec(select(&NAMES[..]), 1..4);
    names.prop_map(|names| format!("/{}", names.join("/")))
}

fn make(root: &Path, path: &str, thing: &Thing) {
    let at = root.join(&path[1..]);
    // A parent may be a link out of the tree, which a guest cannot use either.
    let parent = at.parent().unwrap().canonicalize();
    if !parent.is_ok_and(|parent| parent.starts_with(root.canonicalize().unwrap())) {
        return;
    }
    // What is already there, or below a file, is left as it is.
    let _ = match thing {
        Thing::Directory => fs::create_dir(&at),
        Thing::File => fs::File::create_new(&at).map(drop),
        Thing::Sparse => fs::File::create_new(&at).and_then(|file| file.set_len(1 << 40)),
        Thing::Pipe => mknod(&at, SFlag::S_IFIFO, Mode::S_IRWXU, 0).map_err(Into::into),
        // Only root can make it.
        Thing::Device => {
            mknod(&at, SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 5)).map_err(Into::into)
        }
        Thing::Link(target) => symlink(target, &at),
    };
}

/// Everything below a directory: the paths, with the contents of files.
fn seen(directory: &Path) -> Vec<(std::path::PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let content = path.is_file().then(|| fs::read(&path).unwrap());
        found.push((path, content));
    }
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_root_is_read_and_written_inside_alone(
        things in proptest::collection::vec((path(), thing()), 0..20),
        paths in proptest::collection::vec(path(), 1..8),
    ) {
        let place = tempfile::tempdir().unwrap();
        let (root, outside) = (place.path().join("root"), place.path().join("outside"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("a"), "secret").unwrap();
        for (path, thing) in &things {
            make(&root, path, thing);
        }
        let before = seen(&outside);
        let dir = HostDir::open(&root).unwrap();
        let files: &dyn GuestRoot = &dir;
        let own = fs::metadata(&root).unwrap();
        let owner = FileOwner {
            user: std::os::unix::fs::MetadataExt::uid(&own),
            group: std::os::unix::fs::MetadataExt::gid(&own),
        };
        for path in &paths {
            // Whether it can be read or written depends on the tree.
            if let Ok(Some(content)) = files.content(path, 1000) {
                prop_assert!(content.len() <= 1000);
                prop_assert!(content != b"secret");
            }
            let _ = files.is_there(path);
            let _ = files.has_other_names(path, &["a"]);
            let _ = files.put_for(owner, path, 0o600, b"ours");
            let _ = files.unlink(path);
        }
        prop_assert_eq!(before, seen(&outside));
    }
}

#[test]
fn a_root_that_changes_meanwhile_leads_nowhere_else() {
    let place = tempfile::tempdir().unwrap();
    let (root, outside) = (place.path().join("root"), place.path().join("outside"));
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::create_dir_all(outside.join("b")).unwrap();
    symlink("../outside", root.join("link")).unwrap();
    let dir = HostDir::open(&root).unwrap();
    let files: &dyn GuestRoot = &dir;
    let is_over = AtomicBool::new(false);
    let own = fs::metadata(&root).unwrap();
    let owner = FileOwner {
        user: std::os::unix::fs::MetadataExt::uid(&own),
        group: std::os::unix::fs::MetadataExt::gid(&own),
    };
    let (mut written, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // `a` is a directory, then a link out of the root, and so on.
            while !is_over.load(Ordering::Relaxed) {
                let (a, link) = (root.join("a"), root.join("link"));
                let flags = RenameFlags::RENAME_EXCHANGE;
                renameat2(AT_FDCWD, &a, AT_FDCWD, &link, flags).unwrap();
            }
        });
        for number in 0..1_000_000 {
            let path = format!("/a/b/file{}", number % 7);
            if files.put_for(owner, &path, 0o600, b"ours").is_ok() {
                written += 1;
            } else {
                refused += 1;
            }
            let _ = files.content(&path, 100);
            let _ = files.unlink(&path);
            if written > 500 && refused > 500 {
                break;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    assert!(written > 500 && refused > 500, "{written} and {refused}");
    assert_eq!(seen(&outside.join("b")), []);
}
