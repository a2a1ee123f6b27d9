//! The compiled part of the Python package `xen_vman`: a list of exports.

use pyo3::prelude::*;

/// The compiled core of `xen_vman`.
#[pymodule]
mod _core {
    use super::{Bound, PyModule, PyModuleMethods as _, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
