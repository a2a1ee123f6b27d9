//! The crate as a library: definitions built in code, and results that are data.
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use xen_vman_core::diag::{DiagnosticId, Levels};
use xen_vman_core::plan::{Observed, plan};
use xen_vman_core::spec::{Definition, OsSpec, VmSpec};
use xen_vman_core::values::MacAddr;
use xen_vman_core::{
    Assets, Compiled, Error, Facts, Source, Templates, compile, compile_definition, compile_fleet,
};

fn compiled(text: &str) -> Compiled {
    compile(
        vec![Source::new("host.toml", text).unwrap()],
        &Facts::default(),
    )
}

#[test]
fn a_vm_built_in_code_is_resolved_and_checked() {
    let mut vm = VmSpec::default();
    vm.org = Some("a".parse().unwrap());
    vm.name = Some("web".parse().unwrap());
    let mut os = OsSpec::default();
    os.r#type = Some("debian".parse().unwrap());
    os.version = Some("12".parse().unwrap());
    vm.os = Some(os);
    vm.interfaces = Some(Vec::new());
    let mut definition = Definition::default();
    definition.vms.push(vm.clone());
    definition.vms.push(vm);
    let compiled = compile_definition(definition, &Facts::default());
    assert_eq!(compiled.resolved.vms.len(), 2);
    let ids: Vec<_> = compiled.report.iter().map(|one| one.id).collect();
    assert!(ids.contains(&DiagnosticId::DuplicateVm), "{ids:?}");
    assert!(ids.contains(&DiagnosticId::MissingNfsrootBase), "{ids:?}");
}

#[test]
fn a_fleet_that_is_not_one_host_stays_a_fleet() {
    let none = compile_fleet(Vec::new(), &Facts::default(), &Levels::default());
    let none = none.into_single().unwrap_err();
    assert!(none.hosts.is_empty() && none.report.is_empty());

    let host = |name: &str| vec![Source::new(name, "vms = []").unwrap()];
    let hosts = vec![host("a.toml"), host("b.toml")];
    let two = compile_fleet(hosts, &Facts::default(), &Levels::default());
    assert_eq!(two.into_single().unwrap_err().hosts.len(), 2);

    let one = compile_fleet(vec![host("a.toml")], &Facts::default(), &Levels::default());
    assert!(one.into_single().is_ok());
}

#[test]
fn a_definition_with_errors_is_not_rendered() {
    let compiled = compiled("nfsroot_base = \"nowhere\"");
    let rendered = compiled.render(&Templates::embedded(), &Assets::default());
    assert!(matches!(rendered, Err(Error::WrongDefinition)));
}

#[test]
fn values_are_parsed_from_strings_with_errors_that_say_why() {
    let mac: MacAddr = "00:16:3e:00:00:15".parse().unwrap();
    assert_eq!(mac.to_string(), "00:16:3e:00:00:15");
    let error: Box<dyn std::error::Error> = "00:16".parse::<MacAddr>().unwrap_err().into();
    assert!(!error.to_string().is_empty());
}

#[test]
fn results_serialize_and_passwords_do_not() {
    let compiled = compiled(
        r#"
        [[vms]]
        org = "a"
        name = "desk"
        type = "hvm"
        disks = ["phy:/dev/vg/desk,xvda,w"]
        os = { type = "windows", version = "11" }
        interfaces = []
        spice = true
        spiceport = 5901
        spicepasswd = "correct horse battery"
        "#,
    );
    assert!(!compiled.report.has_errors(), "{:?}", compiled.report);
    let output = compiled
        .render(&Templates::embedded(), &Assets::default())
        .unwrap();
    let config = output.xl_config("a-desk").unwrap();
    assert!(config.object.is_secret);
    assert!(config.text().contains("correct horse"));

    let vm = serde_json::to_value(compiled.resolved.vm("a-desk").unwrap()).unwrap();
    assert_eq!(vm["root"]["type"], "unmanaged");
    assert_eq!(vm["spice"]["port"], 5901);
    let plan = plan(&output, &Observed::default(), false).unwrap();
    let whole = serde_json::to_string(&(&compiled.resolved, &plan)).unwrap();
    assert!(!whole.contains("correct horse"), "{whole}");

    let wrong = self::compiled("nfsroot_base = \"nowhere\"");
    let diagnostics: Vec<_> = wrong.report.iter().collect();
    let json = serde_json::to_value(&diagnostics).unwrap();
    assert_eq!(json[0]["path"], "nfsroot_base");
    assert_eq!(json[0]["severity"], "error");
}
