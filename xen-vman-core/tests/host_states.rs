//! A host in memory through random lives: apply, prune, rollback, failures, edits by hand.
//! A simple model says what must hold after each step.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use xen_vman_core::host::memory::{Content, MemoryHost};
use xen_vman_core::host::{
    Applied, Event, HostError, Options, Watcher, apply, generations, plan, plan_rollback, rollback,
    uninstall,
};
use xen_vman_core::install::{GuestRecord, Marker};
use xen_vman_core::plan::{Action, Change, Entry, Plan, VolumeWork};
use xen_vman_core::{Assets, Facts, Output, Source, Templates, compile};

/// A file that nobody may lose.
const PRECIOUS: &str = "/srv/precious";

/// The roots that are made on the host.
const MADE_HERE: [&str; 9] = [
    "/dev/vg0/a-vm0",
    "/dev/vg0/a-vm1",
    "/srv/xen/a-vm0.img",
    "/srv/xen/a-vm1.img",
    "/dev/vg0/a-vm0-data",
    "/srv/xen/a-vm0-data.img",
    "/dev/zvol/tank/vms/a-vm0-data",
    "/dev/zvol/tank/vms/a-vm0",
    "/dev/zvol/tank/vms/a-vm1",
];

/// Definitions of one host over time: each VM is there or not, on one backend or the other,
/// with or without a token.
fn definition(vms: &[Vm]) -> String {
    let mut text = String::from(
        "nfsroot_base = \"10.0.0.5:/tank\"\niscsi_server = \"10.0.0.6\"\n\
         iscsi_base_wwn = \"iqn.2017-01.de.example\"\nlvm_vg = \"vg0\"\nfile_dir = \"/srv/xen\"\n\
         zfs_dataset = \"tank/vms\"\n\
         vms = []\n",
    );
    if !vms.is_empty() {
        text = text.replace("vms = []\n", "");
    }
    for (number, vm) in vms.iter().enumerate() {
        let token = match vm.token {
            None => String::new(),
            Some(token) => format!("reinstall = \"t{token}\"\n"),
        };
        let _ = write!(
            text,
            "[[vms]]\norg = \"a\"\nname = \"vm{number}\"\nstorage_type = \"{}\"\nmemory = {}\nsize = \"{}G\"\n{token}\
             auto_boot = {}\nos = {{ type = \"debian\", version = \"12\" }}\n\
             interfaces = [{{ ip = \"10.0.0.{}/24\" }}]\n",
            vm.storage,
            vm.memory,
            vm.size_gib,
            vm.auto_boot,
            number + 10
        );
        if let Some((storage, is_swap)) = vm.data {
            let content = if is_swap {
                "filesystem = \"swap\"\n"
            } else {
                "mount = \"/srv\"\n"
            };
            let size = if storage == "iscsi" {
                String::new()
            } else {
                format!("size = \"{}G\"\n", vm.size_gib)
            };
            let _ = write!(
                text,
                "[[vms.volumes]]\nname = \"data\"\nstorage_type = \"{storage}\"\n{size}{content}"
            );
        }
    }
    text
}

#[derive(Debug, Clone)]
struct Vm {
    storage: &'static str,
    memory: u32,
    /// Of a root that is made on the host.
    size_gib: u8,
    token: Option<u8>,
    auto_boot: bool,
    /// Where it has a data disk, and whether that is swap space.
    data: Option<(&'static str, bool)>,
}

#[derive(Debug, Clone)]
enum Step {
    /// An administrator applies a definition, with or without `--prune` and `--yes`.
    Apply {
        vms: Vec<Vm>,
        prune: bool,
        yes: bool,
        fails_after: Option<u32>,
    },
    /// An administrator rolls back, to a generation or by one.
    Rollback {
        to: Option<Index>,
        fails_after: Option<u32>,
    },
    /// An administrator stops all VMs and removes what was applied.
    Uninstall { fails_after: Option<u32> },
    /// Somebody makes a volume with the name of one of ours, and puts data on it.
    MakeByHand(Index),
    /// Somebody removes a volume that xen-vman has made.
    RemoveByHand(Index),
    /// Somebody puts data on a volume.
    Fill(Index),
    /// Somebody puts data without a signature on a volume, such as the pages of a database.
    FillRaw(Index),
    /// A volume can no longer be read, or can be again.
    Break(Index, bool),
    /// Something on the host begins or ends to use a volume.
    Use(Index, bool),
    /// A guest writes markers of its choice: of a finished installation or one in progress, with a
    /// token or without.
    Forge(Index, bool, Option<u8>, u8),
    /// Somebody edits a file of ours.
    Edit(Index),
    /// The host reboots: nothing runs.
    Reboot,
}

fn step() -> impl Strategy<Value = Step> {
    let vm = (
        select(&["nfs", "iscsi", "lvm", "file", "zfs"][..]),
        select(&[512_u32, 1024][..]),
        1_u8..3,
        proptest::option::of(0_u8..2),
        any::<bool>(),
        proptest::option::of((select(&["iscsi", "lvm", "file", "zfs"][..]), any::<bool>())),
    );
    let vm = vm.prop_map(|(storage, memory, size_gib, token, auto_boot, data)| Vm {
        storage,
        memory,
        size_gib,
        token,
        auto_boot,
        data,
    });
    let vms = proptest::collection::vec(vm, 0..3);
    let fails = proptest::option::weighted(0.3, 0_u32..60);
    prop_oneof![
        5 => (vms, any::<bool>(), any::<bool>(), fails).prop_map(|(vms, prune, yes, fails_after)| {
            Step::Apply { vms, prune, yes, fails_after }
        }),
        2 => (proptest::option::weighted(0.4, any::<Index>()), proptest::option::weighted(0.3, 0_u32..60))
            .prop_map(|(to, fails_after)| Step::Rollback { to, fails_after }),
        1 => proptest::option::weighted(0.5, 0_u32..60).prop_map(|fails_after| Step::Uninstall { fails_after }),
        1 => any::<Index>().prop_map(Step::MakeByHand),
        1 => any::<Index>().prop_map(Step::RemoveByHand),
        1 => any::<Index>().prop_map(Step::Fill),
        1 => any::<Index>().prop_map(Step::FillRaw),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(which, is)| Step::Break(which, is)),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(which, is)| Step::Use(which, is)),
        1 => (any::<Index>(), any::<bool>(), proptest::option::of(0_u8..2), 0_u8..2)
            .prop_map(|(which, is_finished, token, vm)| Step::Forge(which, is_finished, token, vm)),
        1 => any::<Index>().prop_map(Step::Edit),
        1 => Just(Step::Reboot),
    ]
}

fn rendered(vms: &[Vm]) -> Output {
    let source = Source::new("host.toml", definition(vms)).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    assert!(!compiled.report.has_errors(), "{:?}", compiled.report);
    compiled
        .render(&Templates::embedded(), &Assets::default())
        .unwrap()
}

/// Approves what an administrator would, and remembers what was given up.
struct Admin {
    yes: bool,
    given_up: BTreeSet<String>,
}

impl Watcher for Admin {
    fn approve(&mut self, plan: &Plan) -> Result<(), String> {
        let destroyed: Vec<_> = plan.destroyed().map(|(_, at)| at.to_string()).collect();
        if !destroyed.is_empty() && !self.yes {
            return Err("no".to_owned());
        }
        self.given_up.extend(destroyed);
        Ok(())
    }

    fn tell(&mut self, _: Event<'_>) {}
}

fn file(content: &str) -> Entry {
    Entry::file(0o600, content)
}

/// A host and what the model knows of it.
struct World {
    host: MemoryHost,
    /// Volumes whose content was given up in the current apply.
    given_up: BTreeSet<String>,
    /// The files after each generation, as far as nobody else has changed any since; 0 is before
    /// all of them.
    after: BTreeMap<u32, BTreeMap<String, Entry>>,
    /// The generation that an interrupted rollback goes back to.
    unfinished: Option<u32>,
    /// The files before anything was applied.
    bare: BTreeMap<String, Entry>,
}

impl World {
    fn new() -> Self {
        let host = MemoryHost::dom0();
        let all: Vec<_> = ["nfs", "iscsi"]
            .iter()
            .flat_map(|storage| {
                let vm = Vm {
                    storage,
                    memory: 512,
                    size_gib: 1,
                    token: None,
                    auto_boot: true,
                    data: Some(("iscsi", false)),
                };
                let output = rendered(&[vm.clone(), vm]);
                let roots = output.installs.into_iter().map(|install| install.root);
                let data = output.data_disks.into_iter().map(|disk| disk.on);
                roots.chain(data).collect::<Vec<_>>()
            })
            .map(|on| on.volume.location().to_string())
            .collect();
        host.state().volumes.extend(
            all.into_iter()
                .map(|location| (location, Content::default())),
        );
        let mut world = Self {
            host,
            given_up: BTreeSet::new(),
            after: BTreeMap::new(),
            unfinished: None,
            bare: BTreeMap::new(),
        };
        world.bare = world.files();
        world.after.insert(0, world.files());
        world
    }

    /// How many generations there are.
    fn generations(&self) -> usize {
        generations(&self.host).unwrap().len()
    }

    /// Remembers the files after the last generation, if it is new.
    fn remember(&mut self) {
        let last = generations(&self.host)
            .unwrap()
            .last()
            .map(|one| one.number);
        let files = self.files();
        if let Some(last) = last {
            self.after.entry(last).or_insert(files);
        }
    }

    /// The files that xen-vman looks after, which is everything but what it knows and logs.
    fn files(&self) -> BTreeMap<String, Entry> {
        let state = self.host.state();
        let ours = state.entries.iter().filter(|(path, _)| {
            !path.starts_with("/var/lib/")
                && !path.starts_with("/run/")
                && !path.contains("initrd.img-")
        });
        ours.map(|(path, entry)| (path.clone(), entry.clone()))
            .collect()
    }

    fn apply(&mut self, output: &Output, prune: bool, yes: bool) -> Result<Applied, HostError> {
        let mut admin = Admin {
            yes,
            given_up: BTreeSet::new(),
        };
        let applied = apply(&self.host, output, &options(prune), &mut admin);
        // Consent does not outlive the apply that it was given for.
        self.given_up = admin.given_up;
        applied
    }

    /// No byte is lost that nobody gave up, that somebody uses, or that could not be looked at.
    fn nothing_is_lost(&mut self) {
        for (location, content) in std::mem::take(&mut self.host.state().erased) {
            assert!(
                !content.files.contains_key(PRECIOUS) || self.given_up.contains(&location),
                "{location} was erased, and nobody gave it up"
            );
            assert!(
                !content.files.contains_key(PRECIOUS) || !location.contains("-data"),
                "{location} was erased, a data disk"
            );
            assert!(content.users.is_empty(), "{location} was in use");
            assert!(!content.is_broken, "{location} could not be read");
        }
        self.given_up.clear();
    }

    /// Whether the host has recorded that a volume holds nothing but the beginning of an
    /// installation, which the next one erases.
    fn is_begun(&self, location: &str) -> bool {
        let state = self.host.state();
        let records = state.entries.iter().filter_map(|(path, entry)| {
            let Entry::File { content, .. } = entry else {
                return None;
            };
            let content = path.ends_with(".unfinished").then_some(content)?;
            serde_json::from_slice::<GuestRecord>(content).ok()
        });
        let mut begun = records.filter(|record| !record.has_old_data);
        begun.any(|record| record.location.as_str() == location)
    }

    /// Changes a volume as somebody else might.
    fn with_volume(&mut self, which: Index, work: impl FnOnce(bool, &mut Content)) {
        // What is being made is nobody's yet.
        let state = self.host.state();
        let all = state.volumes.keys().cloned();
        let all: Vec<_> = all.filter(|location| !location.ends_with("new")).collect();
        drop(state);
        let location = which.get(&all);
        // An installation that was interrupted starts again from an empty volume.
        let begun = self.is_begun(location);
        let mut state = self.host.state();
        let content = state.volumes.get_mut(location).unwrap();
        if !begun {
            work(location.starts_with('/'), content);
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Apply {
                vms,
                prune,
                yes,
                fails_after,
            } => self.take_apply(&rendered(vms), *prune, *yes, *fails_after),
            Step::Rollback { to, fails_after } => self.take_rollback(*to, *fails_after),
            Step::Uninstall { fails_after } => self.take_uninstall(*fails_after),
            Step::MakeByHand(which) => {
                let location = *which.get(&MADE_HERE);
                let mut state = self.host.state();
                let precious = (PRECIOUS.to_owned(), file("years of work"));
                let theirs = || Content {
                    size_bytes: 2 << 30,
                    unique_id: "of somebody".to_owned(),
                    is_raw: true,
                    files: BTreeMap::from([precious]),
                    ..Content::default()
                };
                state
                    .volumes
                    .entry(location.to_owned())
                    .or_insert_with(theirs);
            }
            Step::RemoveByHand(which) => {
                let location = *which.get(&MADE_HERE);
                let mut state = self.host.state();
                if state.domains.is_empty() {
                    state.volumes.remove(location);
                }
            }
            Step::Fill(which) => self.with_volume(*which, |is_disk, content| {
                content
                    .files
                    .insert(PRECIOUS.to_owned(), file("years of work"));
                if is_disk && !content.is_raw {
                    content
                        .filesystem
                        .get_or_insert_with(|| "of somebody".to_owned());
                }
            }),
            Step::FillRaw(which) => self.with_volume(*which, |is_disk, content| {
                content
                    .files
                    .insert(PRECIOUS.to_owned(), file("years of work"));
                if is_disk {
                    (content.filesystem, content.is_raw) = (None, true);
                }
            }),
            Step::Break(which, is_broken) => {
                self.with_volume(*which, |_, content| content.is_broken = *is_broken);
            }
            Step::Use(which, is_used) => self.with_volume(*which, |_, content| {
                content.users = is_used.then(|| "somebody".to_owned()).into_iter().collect();
            }),
            Step::Forge(which, is_finished, token, vm) => self.with_volume(*which, |_, content| {
                let path = if *is_finished {
                    Marker::FINISHED
                } else {
                    Marker::BEGUN
                };
                let token = token.map(|token| format!("t{token}"));
                let domain = format!("a-vm{vm}");
                let marker = json!({ "domain": domain, "suite": "bookworm", "token": token });
                content
                    .files
                    .insert(path.to_owned(), file(&marker.to_string()));
            }),
            Step::Edit(which) => {
                let paths: Vec<_> = self.files().into_keys().collect();
                let path = which.get(&paths).clone();
                let edited = Entry::file(0o644, "# edited by hand\n");
                let mut state = self.host.state();
                if path.starts_with("/etc/xen/")
                    && matches!(state.entries[&path], Entry::File { .. })
                {
                    state.entries.insert(path, edited);
                    drop(state);
                    self.after.clear();
                }
            }
            Step::Reboot => {
                let mut state = self.host.state();
                state.domains.clear();
                state.active_units.clear();
                state.entries.retain(|path, _| !path.starts_with("/run/"));
            }
        }
        self.nothing_is_lost();
    }

    fn take_apply(&mut self, output: &Output, prune: bool, yes: bool, fails_after: Option<u32>) {
        let generations_before = self.generations();
        self.host.state().calls_left = fails_after;
        let applied = self.apply(output, prune, yes);
        let has_failed = self.host.state().calls_left == Some(0);
        self.host.state().calls_left = None;
        self.nothing_is_lost();
        match applied {
            Ok(applied) if applied.failures.is_empty() && !has_failed => {
                for file in &output.host {
                    let entry = Entry::file(file.mode, file.content.clone());
                    assert_eq!(self.host.state().entries[&file.path], entry);
                }
                let mut rest = plan(&self.host, output, prune).unwrap();
                // A volume that this host had no record of only grows once its system was found there.
                let grows = |action: &Action| match &action.change {
                    Change::Volume(change) => matches!(change.work, VolumeWork::Grow { .. }),
                    change => matches!(change, Change::SetMounts { .. }),
                };
                if !rest.is_empty() && rest.actions.iter().all(grows) {
                    self.apply(output, prune, false).unwrap();
                    rest = plan(&self.host, output, prune).unwrap();
                }
                assert!(rest.is_empty(), "not done: {:?}", rest.actions);
            }
            // Volumes: one would become smaller.
            Ok(_)
            | Err(HostError::Io { .. } | HostError::Program { .. } | HostError::Volumes(_)) => {}
            Err(HostError::NotApproved(_)) => assert!(!yes),
            Err(error) => panic!("{error}"),
        }
        if self.generations() > generations_before {
            self.unfinished = None;
        }
        self.remember();
    }

    fn take_rollback(&mut self, to: Option<Index>, fails_after: Option<u32>) {
        let all: Vec<_> = self.after.keys().copied().collect();
        let to = to.filter(|_| !all.is_empty()).map(|to| *to.get(&all));
        let target = plan_rollback(&self.host, to).map(|(_, target)| target);
        if let (Some(unfinished), None, Ok(target)) = (self.unfinished, to, &target) {
            assert_eq!(*target, unfinished, "an interrupted rollback is continued");
        }
        let mut admin = Admin {
            yes: false,
            given_up: BTreeSet::new(),
        };
        self.host.state().calls_left = fails_after;
        let done = rollback(&self.host, to, &mut admin);
        self.host.state().calls_left = None;
        match (done, target) {
            (Ok(_), Ok(target)) => {
                self.unfinished = None;
                if let Some(files) = self.after.get(&target) {
                    assert_eq!(self.files(), *files, "back to {target}");
                }
            }
            (Err(HostError::Io { .. } | HostError::Program { .. }), Ok(target)) => {
                let all = generations(&self.host).unwrap();
                let is_begun = all
                    .last()
                    .is_some_and(|last| last.rolled_back_to == Some(target));
                if is_begun {
                    self.unfinished = Some(target);
                }
            }
            (
                Err(
                    HostError::NothingBefore
                    | HostError::ChangedNothing { .. }
                    | HostError::ChangedSince(_)
                    | HostError::NoGeneration(_),
                ),
                Err(_),
            ) => {}
            (done, target) => panic!("{done:?}, {target:?}"),
        }
        self.remember();
    }
}

impl World {
    fn take_uninstall(&mut self, fails_after: Option<u32>) {
        {
            let mut state = self.host.state();
            let was_used = !state.domains.is_empty() || !state.active_units.is_empty();
            drop(state);
            let refused = uninstall(&self.host, &mut Admin::new());
            if was_used {
                assert!(matches!(refused, Err(HostError::InUse(_))), "{refused:?}");
            }
            state = self.host.state();
            state.domains.clear();
            state.active_units.clear();
            state.entries.retain(|path, _| !path.starts_with("/run/"));
        }
        let volumes = self.host.state().volumes.clone();
        self.host.state().calls_left = fails_after;
        let done = uninstall(&self.host, &mut Admin::new());
        self.host.state().calls_left = None;
        assert_eq!(
            self.host.state().volumes,
            volumes,
            "volumes are never touched"
        );
        match done {
            Ok(_) => self.is_bare(),
            Err(HostError::Io { .. } | HostError::Program { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        self.unfinished = None;
        self.remember();
    }

    /// Nothing is left of all applies.
    fn is_bare(&self) {
        assert_eq!(self.files(), self.bare);
        let state = self.host.state();
        let mut records = state.entries.keys().filter(|path| {
            path.contains("initrd.img-") || path.starts_with("/var/lib/xen-vman/guests/")
        });
        assert_eq!(records.next(), None);
    }
}

impl Admin {
    fn new() -> Self {
        Self {
            yes: true,
            given_up: BTreeSet::new(),
        }
    }
}

fn options(prune: bool) -> Options<'static> {
    Options {
        prune,
        definition: "host.toml".to_owned(),
        preflight: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_host_is_right_after_every_step_of_its_life(
        steps in proptest::collection::vec(step(), 1..12),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
    }
}

/// Tries to begin another run from within one.
struct Nested(MemoryHost);
impl Watcher for Nested {
    fn approve(&mut self, _: &Plan) -> Result<(), String> {
        let again = rollback(&self.0, None, &mut Nested(self.0.clone()));
        assert!(matches!(again, Err(HostError::Locked(_))));
        Ok(())
    }

    fn tell(&mut self, _: Event<'_>) {}
}

#[test]
fn one_run_at_a_time() {
    let host = MemoryHost::dom0();
    let applied = apply(
        &host,
        &rendered(&[]),
        &options(false),
        &mut Nested(host.clone()),
    )
    .unwrap();
    assert!(applied.failures.is_empty());
    apply(
        &host,
        &rendered(&[]),
        &options(false),
        &mut Nested(host.clone()),
    )
    .unwrap();
}
