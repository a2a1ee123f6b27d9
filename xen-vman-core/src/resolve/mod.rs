//! Completes a definition.
//!
//! Turns a [`Definition`](crate::spec::Definition) and the [`Facts`] of a host into a [`Resolved`], in
//! which every value has its [`Origin`]. Keys of a VM override `defaults`, which override the built-in
//! defaults (`built_in.toml`). Template expressions are evaluated here, and their results checked like
//! written values. Consistency is checked by `validate`.

mod boot;
mod built_in;
mod expression;
mod facts;
mod guest_network;
mod host;
mod identity;
mod lookup;
mod network;
mod required;
mod resolved;
mod vif_network;
mod vifname;
mod vm;
mod vm_values;
mod volumes;
mod xl_settings;

pub use crate::origin::{Origin, Place, Scope, Sourced};
pub use built_in::{built_in, built_in_text};
pub use facts::Facts;
pub use guest_network::{BootLink, GuestInterface, GuestNetwork, Link, Router};
pub use resolved::{
    DirectBoot, DomainActions, Resolved, ResolvedHost, ResolvedInterface, ResolvedSpice,
    ResolvedVm, Spice, XlOption,
};
pub(crate) use vif_network::{VifNetwork, vif_script};
pub use vifname::vif_name;
pub(crate) use xl_settings::XlSetting;
pub use xl_settings::XlSettings;

use crate::diag::Report;
use crate::parse::Parsed;
use lookup::Lookup;
use std::borrow::Cow;

/// Completes a definition. Missing values and failed expressions are reported; VMs without a name
/// are dropped.
pub fn resolve(parsed: &Parsed, facts: &Facts, report: &mut Report) -> Resolved {
    let mut lookup = Lookup::new(&parsed.definition, facts, report);
    let host = host::resolve(&mut lookup);
    let specs = parsed.definition.vms.iter().enumerate();
    let vms = specs.filter_map(|(number, spec)| {
        // A VM that was built in code has no source.
        let node = parsed.sources.vm(number);
        let node = node.map_or_else(|| Cow::Owned(spec.to_node()), Cow::Borrowed);
        vm::resolve(number, spec, &node, &host, &mut lookup)
    });
    let mut vms: Vec<_> = vms.collect();
    vifname::name_vifs(&mut vms);
    Resolved {
        host,
        vms,
        existing: parsed.sources.has_only_domains(),
    }
}
