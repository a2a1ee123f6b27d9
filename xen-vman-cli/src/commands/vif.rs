//! `vif-p2p` and `vifname`: show what a host does for the interface of a VM.

use crate::args::{VifP2pArgs, VifnameArgs};
use crate::{Failure, Outcome, terminal};
use xen_vman_core::document::decode::FromText;
use xen_vman_core::render::vif_p2p::vif_p2p;
use xen_vman_core::resolve::vif_name;
use xen_vman_core::values::{DomainName, GuestType, VifName, VifNamePrefix};

pub(crate) fn run_p2p(args: &VifP2pArgs) -> Result<Outcome, Failure> {
    let dev: VifName = value("--dev", &args.dev)?;
    let commands = vif_p2p(args.main_ip, &dev, &args.addresses);
    let commands = if args.offline {
        commands.offline
    } else {
        commands.online
    };
    let lines: String = commands
        .iter()
        .map(|command| format!("{command}\n"))
        .collect();
    terminal::data(lines.as_bytes())?;
    Ok(Outcome::Fine)
}

pub(crate) fn run_name(args: &VifnameArgs) -> Result<Outcome, Failure> {
    let prefix: VifNamePrefix = value("--prefix", &args.prefix)?;
    let domain: DomainName = value("--domain", &args.domain)?;
    let guest_type = if args.hvm {
        GuestType::Hvm
    } else {
        GuestType::Pv
    };
    let is_taken = |name: &str| args.taken.iter().any(|taken| taken == name);
    let name = vif_name(&prefix, &domain, args.devid, guest_type, is_taken);
    terminal::data(format!("{name}\n").as_bytes())?;
    Ok(Outcome::Fine)
}

fn value<T: FromText>(option: &str, text: &str) -> Result<T, Failure> {
    T::from_text(text).map_err(|invalid| {
        let failure = Failure::new(format!("{option} `{text}` {}", invalid.why));
        match invalid.help {
            Some(help) => failure.help(help),
            None => failure,
        }
    })
}
