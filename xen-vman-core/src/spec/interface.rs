//! A network interface of a VM.

use crate::document::table::table;
use crate::values::{
    AddressesV4, AddressesV6, Bridge, MacAddr, Mtu, NetworkScript, Rate, VifName, VifNamePrefix,
    VifParameters,
};

table! {
    /// A network interface (an item of a VM's `interfaces`).
    scene struct InterfaceSpec {
        /// IPv4 address, with or without `/prefix`, or a list of them.
        ip: AddressesV4,
        /// IPv6 address, with or without `/prefix`, or a list of them.
        ipv6: AddressesV6,
        /// MAC address; made from `org`, `name` and the interface's number if not written.
        mac: MacAddr,
        /// MTU.
        mtu: Mtu,
        /// Bridge to attach to.
        bridge: Bridge,
        /// Name of the vif on dom0.
        vifname: VifName,
        /// What the name of the vif begins with, if `vifname` is not written; `.` and the number
        /// of the interface follow.
        vifname_prefix: VifNamePrefix,
        /// Script that sets this vif up.
        script: NetworkScript,
        /// Limit of the rate, as `10Mb/s`.
        rate: Rate,
        /// Further parameters of the vif, as `type=vif,model=e1000`.
        xen_str: VifParameters,
    }
}
