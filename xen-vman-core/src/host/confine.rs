//! Confines programs to the root of a guest with bwrap(1): who else can write there, such as another
//! machine with the same export, may change any file at any time.

/// What all of them get: namespaces of their own, and an end that comes with ours.
const ALONE: [&str; 6] = [
    "--die-with-parent",
    "--new-session",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
];
/// The directories with the host's programs, and the settings that unpacking packages takes: for
/// names, certificates and proxies. There are secrets elsewhere in `/etc`.
const SEEN: [&str; 22] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc/alternatives",
    "/etc/apt/apt.conf",
    "/etc/apt/apt.conf.d",
    "/etc/ca-certificates",
    "/etc/dpkg",
    "/etc/group",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/wgetrc",
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
    words.push("bwrap".to_owned());
    words.extend(ALONE.map(str::to_owned));
    words.extend(["--bind", "/", "/"].map(str::to_owned));
    words.extend(KERNEL.map(str::to_owned));
    // debootstrap needs devices below the root that can be opened.
    words.extend(["--dev".to_owned(), format!("{root}/dev")]);
    words.extend(capabilities(&UNPACKS));
    words.extend(CONTAINER.map(str::to_owned));
    words
}

/// The words before a command that the guest's programs carry out.
pub(super) fn in_guest(root: &str) -> Vec<String> {
    let mut words = view(root, &[]);
    // bwrap itself could only disconnect it if it might configure networks.
    words.extend(["unshare", "--net", "bwrap"].map(str::to_owned));
    words.extend(ALONE.map(str::to_owned));
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

/// The host's programs with their settings, and the root as the only place to write to. Another
/// confinement follows: while `/dev` and `/proc` of the root are mounted, what is at these paths may
/// change, and must not lead to the host.
fn view(root: &str, reads: &[String]) -> Vec<String> {
    let mut words = vec!["bwrap".to_owned()];
    words.extend(ALONE.map(str::to_owned));
    words.extend(KERNEL.map(str::to_owned));
    words.extend(["--tmpfs", "/tmp"].map(str::to_owned));
    let reads = reads.iter().map(String::as_str);
    for path in SEEN.into_iter().chain(reads) {
        words.extend(["--ro-bind-try", path, path].map(str::to_owned));
    }
    words.extend(["--bind", root, root, "--"].map(str::to_owned));
    words
}

/// The options that leave a command no other capabilities.
fn capabilities<'n>(keep: &'n [&str]) -> impl Iterator<Item = String> + use<'n> {
    let keep = keep.iter().flat_map(|name| ["--cap-add", name]);
    let all = ["--cap-drop", "ALL"].into_iter().chain(keep);
    all.map(str::to_owned)
}
