//! The network of the host that a vif is attached to.

use super::{Resolved, ResolvedInterface};

/// Scripts that attach a vif to a bridge.
const BRIDGING: &[&str] = &["vif-bridge", "vif-openvswitch"];

/// The bridge of xl's vifs that do not name one (xl-network-configuration(5)).
const DEFAULT_BRIDGE: &str = "xenbr0";

/// The network that a vif is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VifNetwork<'r> {
    /// A bridge, and its VLAN if it is one of Open vSwitch.
    Bridge(&'r str),
    /// The routes of the host.
    Routed,
}

impl<'r> VifNetwork<'r> {
    pub(crate) fn of(interface: &'r ResolvedInterface, resolved: &'r Resolved) -> Self {
        if !BRIDGING.contains(&vif_script(interface, resolved)) {
            return Self::Routed;
        }
        let bridge = interface.bridge.as_ref();
        let bridge = bridge.or(resolved.host.network_bridge.as_ref());
        Self::Bridge(bridge.map_or(DEFAULT_BRIDGE, |bridge| bridge.as_str()))
    }

    pub(crate) fn is_bridge(self) -> bool {
        matches!(self, Self::Bridge(_))
    }
}

/// The file name of the script that sets up a vif.
pub(crate) fn vif_script<'r>(interface: &'r ResolvedInterface, resolved: &'r Resolved) -> &'r str {
    let default = &resolved.host.network_script;
    let script = interface.script.as_ref().unwrap_or(default).as_str();
    script.rsplit('/').next().unwrap_or(script)
}
