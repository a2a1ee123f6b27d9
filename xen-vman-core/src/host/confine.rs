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
    // debootstrap needs devices below the root that can be opened.
    let devices = format!("{root}/dev");
    let inside = [
        &["bwrap"],
        &ALONE[..],
        &["--bind", "/", "/"],
        &KERNEL,
        &["--dev", &devices],
        &capabilities(&UNPACKS),
        &CONTAINER,
    ];
    owned(&[view(root, reads), inside.concat()])
}

/// The words before a command that the guest's programs carry out.
pub(super) fn in_guest(root: &str) -> Vec<String> {
    let inside = [
        // bwrap itself could only disconnect it if it might configure networks.
        &["unshare", "--net", "bwrap"],
        &ALONE[..],
        &["--bind", root, "/"],
        &KERNEL,
        &capabilities(&SETS_UP),
        &["--clearenv"],
        &["--setenv", "PATH", "/usr/sbin:/usr/bin:/sbin:/bin"],
        &["--setenv", "LC_ALL", "C.UTF-8"],
        &CONTAINER,
    ];
    owned(&[view(root, &[]), inside.concat()])
}

/// The host's programs with their settings, and the root as the only place to write to. Another
/// confinement follows: while `/dev` and `/proc` of the root are mounted, what is at these paths may
/// change, and must not lead to the host.
fn view<'w>(root: &'w str, reads: &'w [String]) -> Vec<&'w str> {
    let mut words = [&["bwrap"], &ALONE[..], &KERNEL, &["--tmpfs", "/tmp"]].concat();
    let reads = reads.iter().map(String::as_str);
    for path in SEEN.into_iter().chain(reads) {
        words.extend(["--ro-bind-try", path, path]);
    }
    words.extend(["--bind", root, root, "--"]);
    words
}

/// The options that leave a command no other capabilities.
fn capabilities(keep: &[&'static str]) -> Vec<&'static str> {
    let keep = keep.iter().flat_map(|name| ["--cap-add", name]);
    ["--cap-drop", "ALL"].into_iter().chain(keep).collect()
}

fn owned(words: &[Vec<&str>]) -> Vec<String> {
    words.iter().flatten().copied().map(str::to_owned).collect()
}
