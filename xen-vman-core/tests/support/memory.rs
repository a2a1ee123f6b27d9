//! A definition applied to a host in memory.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use xen_vman_core::host::memory::MemoryHost;
use xen_vman_core::host::{Applied, Event, HostError, Options, Watcher, apply};
use xen_vman_core::plan::Plan;
use xen_vman_core::{Assets, Facts, Output, Source, Templates, compile};

/// Agrees to everything.
pub(crate) struct Silent;

impl Watcher for Silent {
    fn approve(&mut self, _: &Plan) -> Result<(), String> {
        Ok(())
    }

    fn tell(&mut self, _: Event<'_>) {}
}

/// What a definition without errors renders to.
pub(crate) fn rendered(definition: &str) -> Output {
    let source = Source::new("host.toml", definition).unwrap();
    let compiled = compile(vec![source], &Facts::default());
    assert!(!compiled.report.has_errors(), "{:?}", compiled.report);
    let (templates, assets) = (Templates::embedded(), Assets::default());
    compiled.render(&templates, &assets).unwrap()
}

pub(crate) fn applied(host: &MemoryHost, output: &Output) -> Result<Applied, HostError> {
    apply(host, output, &Options::default(), &mut Silent)
}

/// An apply of which nothing fails.
pub(crate) fn done(host: &MemoryHost, output: &Output) -> Applied {
    let applied = applied(host, output).unwrap();
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    applied
}

/// All VMs stop.
pub(crate) fn stop(host: &MemoryHost) {
    let mut state = host.state();
    state.domains.clear();
    state.active_units.clear();
    state
        .entries
        .retain(|path, _| !path.starts_with("/run/xen-vman/domains/"));
}
