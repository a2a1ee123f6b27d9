//! The network as a guest sees it, and its way to the server of its root.

use crate::origin::Sourced;
use crate::values::{HostAddress, MacAddr, Mtu, Nameservers};
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network configuration of a guest.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct GuestNetwork {
    /// Interfaces, by number.
    pub interfaces: Vec<GuestInterface>,
    /// The interface of `connection_ip`, or else the first one.
    pub main_interface: Option<usize>,
    /// Default gateway for IPv4.
    pub gateway4: Option<Sourced<Ipv4Addr>>,
    /// Default gateway for IPv6.
    pub gateway6: Option<Sourced<Ipv6Addr>>,
    /// Name servers.
    pub nameservers: Sourced<Nameservers>,
}

/// An interface, as seen by the guest.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct GuestInterface {
    /// Its name (`eth0`).
    pub name: String,
    /// Its MAC address.
    pub mac: MacAddr,
    /// Its static addresses; the first of each family is the main one.
    pub addresses: Vec<HostAddress>,
    /// Whether it asks for an IPv4 address by DHCP.
    pub dhcp: bool,
    /// MTU.
    pub mtu: Option<Mtu>,
}

/// A default gateway that the guest can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Router {
    /// Its address.
    pub address: IpAddr,
    /// The number of the interface that reaches it.
    pub interface: usize,
    /// How that interface reaches it.
    pub link: Link,
}

/// How an interface reaches a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// The router is in a network of the interface, or has an address of the link.
    Network,
    /// The interface has an address without a network, so the router is the far end of a
    /// point-to-point link.
    PointToPoint,
}

/// How a guest reaches the server of its root while it boots, with one interface and at most one
/// address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BootLink {
    /// The number of the interface.
    pub interface: usize,
    /// Its address; `None` if it asks the network for one.
    pub address: Option<HostAddress>,
    /// The router that this address reaches.
    pub router: Option<Router>,
}

impl GuestInterface {
    /// Its addresses of one family.
    pub fn family(&self, is_ipv4: bool) -> impl Iterator<Item = HostAddress> + '_ {
        let addresses = self.addresses.iter().copied();
        addresses.filter(move |address| address.addr.is_ipv4() == is_ipv4)
    }

    fn is_in_the_network_of(&self, other: IpAddr) -> bool {
        let mut family = self.family(other.is_ipv4());
        family.any(|address| address.reaches(other))
    }
}

impl GuestNetwork {
    /// The default gateway of one family, reachable or not.
    pub fn gateway(&self, is_ipv4: bool) -> Option<IpAddr> {
        if is_ipv4 {
            self.gateway4.as_ref().map(|gateway| gateway.value.into())
        } else {
            self.gateway6.as_ref().map(|gateway| gateway.value.into())
        }
    }

    /// The default gateway of one family, and the interface that reaches it: the first one in whose
    /// network it is, or else one with a point-to-point link. `None` if there is no such interface.
    pub fn router(&self, is_ipv4: bool) -> Option<Router> {
        let address = self.gateway(is_ipv4)?;
        let found = |link: Link, reaches: &dyn Fn(&GuestInterface) -> bool| {
            let interface = self.first_interface(reaches)?;
            Some(Router {
                address,
                interface,
                link,
            })
        };
        let of_link = |interface: &GuestInterface| {
            is_link_local(address) && interface.family(is_ipv4).next().is_some()
        };
        let alone = |interface: &GuestInterface| {
            let mut family = interface.family(is_ipv4);
            family.any(HostAddress::is_alone)
        };
        found(Link::Network, &|one| one.is_in_the_network_of(address))
            .or_else(|| found(Link::Network, &of_link))
            .or_else(|| found(Link::PointToPoint, &alone))
    }

    /// The first interface that fits, beginning with the main one.
    fn first_interface(&self, fits: impl Fn(&GuestInterface) -> bool) -> Option<usize> {
        let main = self.main_interface;
        let numbers = main.into_iter().chain(0..self.interfaces.len());
        let mut fitting = numbers.filter(|number| self.interfaces.get(*number).is_some_and(&fits));
        fitting.next()
    }

    /// How the guest boots from a server, `None` if that is given by name. The interface is the one
    /// that the guest's kernel uses for the server once all are up: the one in whose network the
    /// server is, or else the one that reaches the default gateway, or else the main one.
    pub fn boot_link(&self, server: Option<IpAddr>) -> Option<BootLink> {
        let interface = server
            .and_then(|server| {
                self.first_interface(|one| one.is_in_the_network_of(server))
                    .or_else(|| Some(self.router(server.is_ipv4())?.interface))
            })
            .or(self.main_interface)?;
        let addresses = &self.interfaces.get(interface)?.addresses;
        let fits = |address: &&HostAddress| {
            server.is_none_or(|server| server.is_ipv4() == address.addr.is_ipv4())
        };
        let fitting = || addresses.iter().filter(fits).copied();
        let address = fitting()
            .find(|address| server.is_some_and(|server| address.reaches(server)))
            .or_else(|| fitting().find(|address| self.router_of(interface, *address).is_some()))
            .or_else(|| fitting().next());
        Some(BootLink {
            interface,
            address,
            router: address.and_then(|address| self.router_of(interface, address)),
        })
    }

    /// The router, if an interface reaches it with this address alone.
    fn router_of(&self, interface: usize, address: HostAddress) -> Option<Router> {
        let router = self.router(address.addr.is_ipv4())?;
        let reaches = match router.link {
            Link::Network => address.reaches(router.address) || is_link_local(router.address),
            Link::PointToPoint => address.is_alone(),
        };
        (router.interface == interface && reaches).then_some(router)
    }
}

impl BootLink {
    /// Whether there is a route to an address.
    pub fn reaches(&self, other: IpAddr) -> bool {
        self.address.is_some_and(|address| {
            address.addr.is_ipv4() == other.is_ipv4()
                && (address.reaches(other) || self.router.is_some())
        })
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
