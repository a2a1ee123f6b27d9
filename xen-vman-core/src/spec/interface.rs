//! A network interface of a VM.

use super::Extra;
use crate::document::table::table;
use crate::values::{
    AddressesV4, AddressesV6, Bridge, MacAddr, Mtu, NetworkScript, Rate, VifName, VifNamePrefix,
    VifParameters, VifType, Word,
};

table! {
    /// A network interface (an item of a VM's `interfaces`).
    scene struct InterfaceSpec {
        /// IPv4 address, with or without `/prefix`, or a list of them.
        ip: AddressesV4,
        /// IPv6 address, with or without `/prefix`, or a list of them.
        ipv6: AddressesV6,
        /// Whether the guest asks for an IPv4 address by DHCP. Default: true for the interface of
        /// `connection_ip`, or else the first one, if it has no address; the guest leaves other
        /// interfaces without an address alone.
        use_dhcp: bool,
        /// MAC address. Default: derived from `org`, `name` and the number of the interface.
        mac: MacAddr,
        /// MTU.
        mtu: Mtu,
        /// Bridge to attach to.
        bridge: Bridge,
        /// Name of the vif on dom0.
        vifname: VifName,
        /// Prefix of the vif's name if `vifname` is not set; `.` and the number of the interface
        /// follow.
        vifname_prefix: VifNamePrefix,
        /// Script that sets up this vif.
        script: NetworkScript,
        /// Rate limit, such as `10Mb/s`.
        rate: Rate,
        /// What an HVM VM has for this vif: `vif`, only the device of Xen's drivers, or `ioemu`, an emulated
        /// one as well. Default: `ioemu`, as in xl-network-configuration(5).
        /// A vif's `type` in xl.cfg; other roles mean something else by that.
        vif_type: VifType,
        /// The emulated device of an HVM VM, such as `e1000`. Default: `rtl8139`.
        model: Word,
        /// Additional parameters of the vif, such as `backend=net`.
        xen_str: VifParameters,
        /// Your own data, for expressions: `{{ interface.extra.vlan }}`, or just
        /// `{{ interface.vlan }}`.
        extra: Extra,
    }
}
