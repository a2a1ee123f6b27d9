//! Confines programs to the root of a guest with bwrap(1): who else can write there, such as another
//! machine with the same export, may change any file at any time.

use std::fs;

/// What all of them get: namespaces of their own, and an end that comes with ours.
const ALONE: [&str; 6] = [
    "--die-with-parent",
    "--new-session",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
];
/// The directories with the host's programs and their settings.
const PROGRAMS: [&str; 8] = [
    "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];
/// The capabilities (capabilities(7)) for unpacking packages. Nodes of devices cannot be opened:
/// bwrap mounts with `nodev`.
const UNPACKS: [&str; 5] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_MKNOD",
];
/// The capabilities for setting packages up.
const SETS_UP: [&str; 8] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];
/// A few harmless devices, and a `/proc` through which no setting of the kernel can be changed.
const KERNEL: [&str; 6] = ["--dev", "/dev", "--proc", "/proc", "--remount-ro", "/proc"];
/// Makes debootstrap(8) do without opening devices on the root.
const CONTAINER: [&str; 3] = ["--setenv", "container", "lxc"];

/// The words before a command that the host's programs carry out on a guest's root. They read
/// these paths of the host, too, and may use the network.
pub(super) fn below(root: &str, reads: &[String]) -> Vec<String> {
    let mut words = view(root, reads);
    words.extend(capabilities(&UNPACKS));
    words.extend(CONTAINER.map(str::to_owned));
    words
}

/// The words before a command that the guest's programs carry out. They are confined twice: while
/// the guest's `/dev` and `/proc` are mounted, what is at their paths may change, and must not
/// lead to the host.
pub(super) fn in_guest(root: &str) -> Vec<String> {
    let mut words = view(root, &[]);
    words.extend(["--", "bwrap"].map(str::to_owned));
    words.extend(ALONE.map(str::to_owned));
    words.push("--unshare-net".to_owned());
    words.extend(["--bind", root, "/"].map(str::to_owned));
    words.extend(KERNEL.map(str::to_owned));
    words.extend(capabilities(&SETS_UP));
    words.push("--clearenv".to_owned());
    let environment = [
        ["--setenv", "PATH", "/usr/sbin:/usr/bin:/sbin:/bin"],
        ["--setenv", "LC_ALL", "C.UTF-8"],
        CONTAINER,
    ];
    words.extend(environment.concat().into_iter().map(str::to_owned));
    words
}

/// The host's programs, and the root as the only place to write to.
fn view(root: &str, reads: &[String]) -> Vec<String> {
    let mut words = vec!["bwrap".to_owned()];
    words.extend(ALONE.map(str::to_owned));
    words.extend(KERNEL.map(str::to_owned));
    words.extend(["--tmpfs", "/tmp"].map(str::to_owned));
    // Often a link to somewhere in /run.
    let resolver = fs::canonicalize("/etc/resolv.conf");
    let resolver = resolver
        .ok()
        .and_then(|path| path.into_os_string().into_string().ok());
    let reads = reads.iter().cloned().chain(resolver);
    for path in PROGRAMS.map(str::to_owned).into_iter().chain(reads) {
        words.extend(["--ro-bind-try".to_owned(), path.clone(), path]);
    }
    words.extend(["--bind", root, root].map(str::to_owned));
    words
}

/// The options that leave a command no other capabilities.
fn capabilities<'n>(keep: &'n [&str]) -> impl Iterator<Item = String> + use<'n> {
    let keep = keep.iter().flat_map(|name| ["--cap-add", name]);
    let all = ["--cap-drop", "ALL"].into_iter().chain(keep);
    all.map(str::to_owned)
}
