//! Fills in what was not written.
//!
//! Takes a [`Definition`](crate::spec::Definition) as parsed and the [`Facts`] of a host;
//! gives a [`Resolved`], in which every value knows its [`Origin`]. What is written on a VM
//! wins over `defaults`, that over what is built in (`built_in.toml`). Template expressions
//! are evaluated here, and what comes out of them is checked like a written value. Never
//! looks at the machine, and never judges how values fit together: `validate` does.

mod boot;
mod built_in;
mod expression;
mod facts;
mod host;
mod identity;
mod lookup;
mod network;
mod resolved;
mod vifname;
mod vm;
mod vm_values;

pub use crate::origin::{Origin, Place, Scope, Sourced};
pub use built_in::{built_in, built_in_text};
pub use facts::Facts;
pub use resolved::{
    DirectBoot, GuestInterface, GuestNetwork, Resolved, ResolvedHost, ResolvedInterface,
    ResolvedSpice, ResolvedVm, Spice, XlOption,
};
pub use vifname::vif_name;

use crate::diag::Report;
use crate::parse::Parsed;
use lookup::Lookup;
use std::borrow::Cow;

/// Completes a definition. What is missing or cannot be evaluated goes to the report; VMs
/// without a name are left out.
pub fn resolve(parsed: &Parsed, facts: &Facts, report: &mut Report) -> Resolved {
    let mut lookup = Lookup::new(&parsed.definition, facts, report);
    let host = host::resolve(&mut lookup);
    let specs = parsed.definition.vms.iter().enumerate();
    let vms = specs.filter_map(|(number, spec)| {
        // One that was built in code has nothing written down.
        let node = parsed.sources.vm(number);
        let node = node.map_or_else(|| Cow::Owned(spec.to_node()), Cow::Borrowed);
        vm::resolve(number, spec, &node, &host, &mut lookup)
    });
    let mut vms: Vec<_> = vms.collect();
    vifname::name_vifs(&mut vms);
    Resolved { host, vms }
}
