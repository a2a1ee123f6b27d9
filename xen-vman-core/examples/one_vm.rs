//! Builds a definition in code, shows the configuration of its VM, and plans the changes on a
//! host that has none of it yet: `cargo run -p xen-vman-core --example one_vm`.

use std::error::Error;
use xen_vman_core::plan::{Observed, plan};
use xen_vman_core::spec::{Definition, InterfaceSpec, OsSpec, VmSpec};
use xen_vman_core::values::MacAddr;
use xen_vman_core::{Assets, Facts, Templates, compile_definition};

/// A definition of one VM with an NFS root.
fn definition() -> Result<Definition, Box<dyn Error>> {
    let mac: MacAddr = "00:16:3e:00:00:15".parse()?;

    let mut interface = InterfaceSpec::default();
    interface.mac = Some(mac);
    interface.ip = Some("10.0.0.15/24".parse()?);
    interface.bridge = Some("xenbr0".parse()?);

    let mut os = OsSpec::default();
    os.r#type = Some("debian".parse()?);
    os.version = Some("12".parse()?);

    let mut vm = VmSpec::default();
    vm.org = Some("stuvus".parse()?);
    vm.name = Some("web01".parse()?);
    vm.os = Some(os);
    vm.interfaces = Some(vec![interface]);

    let mut definition = Definition::default();
    definition.storage.nfs.nfsroot_base = Some("10.0.0.5:/srv/vms".parse()?);
    definition.vms.push(vm);
    Ok(definition)
}

#[expect(clippy::print_stdout, reason = "an example shows its results")]
fn main() -> Result<(), Box<dyn Error>> {
    let compiled = compile_definition(definition()?, &Facts::default());
    for diagnostic in &compiled.report {
        println!("{}: {}", diagnostic.severity, diagnostic.message);
    }

    let output = compiled.render(&Templates::embedded(), &Assets::default())?;
    let config = output
        .xl_config("stuvus-web01")
        .ok_or("the VM is defined")?;
    println!("# {}\n{}", config.path, config.text());

    let vm = compiled
        .resolved
        .vm("stuvus-web01")
        .ok_or("the VM is defined")?;
    println!("{}", serde_json::to_string_pretty(vm)?);

    let plan = plan(&output, &Observed::default(), false)?;
    println!("{}", serde_json::to_string_pretty(&plan)?);
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error>> {
    main()
}
