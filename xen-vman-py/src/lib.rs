//! The compiled part of the Python package `xen_vman`. Each function takes arguments, calls the core
//! once, and returns JSON and bytes. The public classes are in `python/xen_vman`.

mod definition;
mod host;
mod pure;

use pyo3::prelude::*;
use xen_vman_core::plan::Action;

/// The compiled part of `xen_vman`.
#[pymodule]
mod _core {
    #[pymodule_export]
    use super::definition::{check, convert, explain, graph, import_xl_cfg, render};
    #[pymodule_export]
    use super::host::{
        apply, doctor, facts, generations, packages, plan, plan_rollback, rollback, status,
    };
    #[pymodule_export]
    use super::pure::{diagnostics, schema, vif_p2p, vifname};
    use super::{Action, Bound, PyModule, PyModuleMethods as _, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("ACTION_KEYS", Action::KEYS)
    }
}
