//! A host in memory through random lives: apply, prune, rollback, failures, edits by hand.
//! A simple model says what must hold after each step.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use xen_vman_core::host::memory::{Content, MemoryHost};
use xen_vman_core::host::{Applied, Event, HostError, Watcher, apply, plan, rollback};
use xen_vman_core::plan::{Entry, Plan};
use xen_vman_core::{Assets, Facts, Output, Source, Templates, compile};

/// A file that nobody may lose.
const PRECIOUS: &str = "/srv/precious";

/// Definitions of one host over time: each VM is there or not, on one backend or the other,
/// with or without a token.
fn definition(vms: &[Vm]) -> String {
    let mut text = String::from(
        "nfsroot_base = \"10.0.0.5:/tank\"\niscsi_server = \"10.0.0.6\"\n\
         iscsi_base_wwn = \"iqn.2017-01.de.example\"\nvms = []\n",
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
            "[[vms]]\norg = \"a\"\nname = \"vm{number}\"\nstorage_type = \"{}\"\nmemory = {}\n{token}\
             auto_boot = {}\nos = {{ type = \"debian\", version = \"12\" }}\n\
             interfaces = [{{ ip = \"10.0.0.{}/24\" }}]\n",
            vm.storage,
            vm.memory,
            vm.auto_boot,
            number + 10
        );
    }
    text
}

#[derive(Debug, Clone)]
struct Vm {
    storage: &'static str,
    memory: u32,
    token: Option<u8>,
    auto_boot: bool,
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
    Rollback,
    /// Somebody puts data on a volume.
    Fill(Index),
    /// Somebody edits a file of ours.
    Edit(Index),
    /// The host reboots: nothing runs.
    Reboot,
}

fn step() -> impl Strategy<Value = Step> {
    let vm = (
        select(&["nfs", "iscsi"][..]),
        select(&[512_u32, 1024][..]),
        proptest::option::of(0_u8..2),
        any::<bool>(),
    );
    let vm = vm.prop_map(|(storage, memory, token, auto_boot)| Vm {
        storage,
        memory,
        token,
        auto_boot,
    });
    let vms = proptest::collection::vec(vm, 0..3);
    let fails = proptest::option::weighted(0.3, 0_u32..60);
    prop_oneof![
        5 => (vms, any::<bool>(), any::<bool>(), fails).prop_map(|(vms, prune, yes, fails_after)| {
            Step::Apply { vms, prune, yes, fails_after }
        }),
        1 => Just(Step::Rollback),
        1 => any::<Index>().prop_map(Step::Fill),
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

/// A host and what the model knows of it.
struct World {
    host: MemoryHost,
    /// Volumes whose content was given up, until they are installed.
    given_up: BTreeSet<String>,
    /// The files before the last apply that changed any and had no failure.
    before: Option<BTreeMap<String, Entry>>,
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
                    token: None,
                    auto_boot: true,
                };
                rendered(&[vm.clone(), vm]).installs
            })
            .map(|install| install.volume.location().to_string())
            .collect();
        host.state().volumes.extend(
            all.into_iter()
                .map(|location| (location, Content::default())),
        );
        Self {
            host,
            given_up: BTreeSet::new(),
            before: None,
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
        let applied = apply(&self.host, output, prune, &mut admin);
        self.given_up.append(&mut admin.given_up);
        applied
    }

    /// No byte is lost that nobody gave up.
    fn nothing_is_lost(&mut self) {
        for (location, content) in std::mem::take(&mut self.host.state().erased) {
            assert!(
                !content.files.contains_key(PRECIOUS) || self.given_up.contains(&location),
                "{location} was erased, and nobody gave it up"
            );
        }
        let state = self.host.state();
        let installed = |location: &String| {
            let content = &state.volumes[location];
            content
                .files
                .contains_key("/var/lib/xen-vman/installed.json")
                && !content.files.contains_key("/.xen-vman-installing.json")
        };
        let done: Vec<_> = self
            .given_up
            .iter()
            .filter(|one| installed(one))
            .cloned()
            .collect();
        drop(state);
        for location in done {
            self.given_up.remove(&location);
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
            Step::Rollback => self.take_rollback(),
            Step::Fill(which) => {
                let mut state = self.host.state();
                let mut all: Vec<_> = state.volumes.values_mut().collect();
                let content = which.get(&(0..all.len()).collect::<Vec<_>>()).to_owned();
                let file = Entry::File {
                    mode: 0o600,
                    content: b"years of work".to_vec(),
                };
                // An installation that was interrupted starts again from an empty volume.
                if all[content]
                    .files
                    .contains_key("/.xen-vman-installing.json")
                {
                    return;
                }
                all[content].files.insert(PRECIOUS.to_owned(), file);
                all[content]
                    .filesystem
                    .get_or_insert_with(|| "of somebody".to_owned());
                drop(state);
            }
            Step::Edit(which) => {
                let paths: Vec<_> = self.files().into_keys().collect();
                let path = which.get(&paths).clone();
                let edited = Entry::File {
                    mode: 0o644,
                    content: b"# edited by hand\n".to_vec(),
                };
                let mut state = self.host.state();
                if path.starts_with("/etc/xen/")
                    && matches!(state.entries[&path], Entry::File { .. })
                {
                    state.entries.insert(path, edited);
                    drop(state);
                    self.before = None;
                }
            }
            Step::Reboot => {
                let mut state = self.host.state();
                state.domains.clear();
                state.entries.retain(|path, _| !path.starts_with("/run/"));
            }
        }
        self.nothing_is_lost();
    }

    fn take_apply(&mut self, output: &Output, prune: bool, yes: bool, fails_after: Option<u32>) {
        let before = self.files();
        self.host.state().calls_left = fails_after;
        let applied = self.apply(output, prune, yes);
        let has_failed = self.host.state().calls_left == Some(0);
        self.host.state().calls_left = None;
        self.nothing_is_lost();
        match applied {
            Ok(applied) if applied.failures.is_empty() && !has_failed => {
                // Rollback brings files back: an apply that changed none is not one to undo.
                if self.files() != before {
                    self.before = Some(before);
                }
                for file in &output.host {
                    let entry = Entry::File {
                        mode: file.mode,
                        content: file.content.clone(),
                    };
                    assert_eq!(self.host.state().entries[&file.path], entry);
                }
                let rest = plan(&self.host, output, prune).unwrap();
                assert!(rest.is_empty(), "not done: {:?}", rest.actions);
            }
            Ok(_) | Err(HostError::Io { .. } | HostError::Program { .. }) => self.before = None,
            Err(HostError::NotApproved(_)) => assert!(!yes),
            Err(error) => panic!("{error}"),
        }
    }

    fn take_rollback(&mut self) {
        let before = self.before.take();
        let mut admin = Admin {
            yes: false,
            given_up: BTreeSet::new(),
        };
        match rollback(&self.host, &mut admin) {
            Ok(_) => {
                if let Some(before) = before {
                    assert_eq!(self.files(), before);
                }
            }
            Err(HostError::NothingBefore | HostError::ChangedSince(_)) => {
                assert!(before.is_none(), "there is an apply to take back");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

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
        let again = rollback(&self.0, &mut Nested(self.0.clone()));
        assert!(matches!(again, Err(HostError::Locked(_))));
        Ok(())
    }

    fn tell(&mut self, _: Event<'_>) {}
}

#[test]
fn one_run_at_a_time() {
    let host = MemoryHost::dom0();
    let applied = apply(&host, &rendered(&[]), false, &mut Nested(host.clone())).unwrap();
    assert!(applied.failures.is_empty());
    apply(&host, &rendered(&[]), false, &mut Nested(host.clone())).unwrap();
}
