//! Functions that need no definition.
#![allow(
    clippy::needless_pass_by_value,
    reason = "PyO3 passes arguments by value"
)]

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::net::{IpAddr, Ipv4Addr};
use xen_vman_core::diag::DiagnosticId;
use xen_vman_core::document::decode::FromText;
use xen_vman_core::render::vif_p2p::vif_p2p as core_vif_p2p;
use xen_vman_core::resolve::vif_name;
use xen_vman_core::schema::{SchemaOf, schema as core_schema};
use xen_vman_core::values::{DomainName, GuestType, VifName, VifNamePrefix};

fn value<T: FromText>(name: &str, text: &str) -> PyResult<T> {
    T::from_text(text)
        .map_err(|invalid| PyValueError::new_err(format!("{name} `{text}` {}", invalid.why)))
}

fn address<T: std::str::FromStr>(name: &str, text: &str) -> PyResult<T> {
    text.parse()
        .map_err(|_| PyValueError::new_err(format!("{name} `{text}` must be an IP address")))
}

/// Returns the commands that `vif-p2p` runs when a vif is added, and when it is removed.
#[pyfunction]
pub(crate) fn vif_p2p(
    main_ip: &str,
    dev: &str,
    addresses: Vec<String>,
) -> PyResult<(Vec<String>, Vec<String>)> {
    let main_ip: Ipv4Addr = address("main_ip", main_ip)?;
    let dev: VifName = value("dev", dev)?;
    let addresses = addresses.iter().map(|text| address("address", text));
    let addresses = addresses.collect::<PyResult<Vec<IpAddr>>>()?;
    let commands = core_vif_p2p(main_ip, &dev, &addresses);
    let texts = |commands: &[_]| commands.iter().map(ToString::to_string).collect();
    Ok((texts(&commands.online), texts(&commands.offline)))
}

/// Returns the name of a vif on the host.
#[pyfunction]
pub(crate) fn vifname(
    prefix: &str,
    domain: &str,
    devid: u32,
    hvm: bool,
    taken: Vec<String>,
) -> PyResult<String> {
    let prefix: VifNamePrefix = value("prefix", prefix)?;
    let domain: DomainName = value("domain", domain)?;
    let guest_type = if hvm { GuestType::Hvm } else { GuestType::Pv };
    let is_taken = |name: &str| taken.iter().any(|taken| taken == name);
    Ok(vif_name(&prefix, &domain, devid, guest_type, is_taken).to_string())
}

/// Returns all diagnostics: id, severity, summary, explanation.
#[pyfunction]
pub(crate) fn diagnostics() -> Vec<(&'static str, String, &'static str, String)> {
    let all = DiagnosticId::ALL.iter();
    all.map(|id| {
        let explanation = id.explanation();
        (
            id.as_str(),
            id.severity().to_string(),
            id.summary(),
            explanation.to_string(),
        )
    })
    .collect()
}

/// Returns the JSON Schema of definitions, or of the role's variables.
#[pyfunction]
pub(crate) fn schema(role: bool) -> String {
    let of = if role {
        SchemaOf::RoleVariables
    } else {
        SchemaOf::Definition
    };
    core_schema(of).to_string()
}
