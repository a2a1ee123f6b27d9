//! Where the root filesystem of a VM lies.

use super::lookup::Lookup;
use super::resolved::{ResolvedHost, Root};
use crate::diag::{Diagnostic, DiagnosticId};
use crate::origin::{Scope, Sourced};
use crate::values::{DomainName, GuestType, NamePart, StorageType};

/// Where the root of a VM lies; what is missing for it is reported.
#[expect(
    clippy::too_many_arguments,
    reason = "the values that decide where a root lies"
)]
pub(super) fn root(
    org: &NamePart,
    name: &NamePart,
    domain: &DomainName,
    guest_type: GuestType,
    storage_type: &Sourced<StorageType>,
    manual_root_disk: bool,
    host: &ResolvedHost,
    lookup: &mut Lookup<'_>,
    scope: Scope,
) -> Root {
    let mut needs = |id: DiagnosticId, variable: &'static str, help: &str| {
        let message = format!(
            "`{domain}` has its root on {}, which needs `{variable}`",
            storage_type.as_str()
        );
        let path = storage_type.path_or(scope.key("name"));
        lookup
            .report
            .push(Diagnostic::new(id, path, message).help(help));
    };
    match &**storage_type {
        // An HVM domU boots from a disk, never from NFS.
        StorageType::Nfs if guest_type == GuestType::Hvm => Root::Unmanaged,
        StorageType::Nfs => match &host.nfsroot_base {
            // There is no root disk to take part in: `manual_root_disk` changes nothing.
            Some(base) => Root::Nfs(base.root_of(org, name)),
            None => {
                needs(
                    DiagnosticId::MissingNfsrootBase,
                    "nfsroot_base",
                    "write where the roots lie, such as `10.0.0.5:/srv/vms`",
                );
                Root::Unmanaged
            }
        },
        StorageType::Iscsi if manual_root_disk => Root::Unmanaged,
        StorageType::Iscsi => {
            if host.iscsi_server.is_none() {
                needs(
                    DiagnosticId::MissingIscsiServer,
                    "iscsi_server",
                    "write the server, such as `10.0.0.6`",
                );
            }
            if host.iscsi_base_wwn.is_none() {
                needs(
                    DiagnosticId::MissingIscsiBaseWwn,
                    "iscsi_base_wwn",
                    "write what the targets begin with, such as `iqn.2017-01.de.example`",
                );
            }
            let (Some(portal), Some(base)) = (&host.iscsi_server, &host.iscsi_base_wwn) else {
                return Root::Unmanaged;
            };
            match base.target(domain.as_str()) {
                Ok(iqn) => Root::Iscsi {
                    device: portal.by_path(&iqn),
                    portal: portal.value.clone(),
                    iqn,
                },
                Err(invalid) => {
                    let message =
                        format!("the iSCSI name `{}:{domain}` {}", base.value, invalid.why);
                    let path = scope.key("name").path();
                    let diagnostic = Diagnostic::new(DiagnosticId::BadIscsiTarget, path, message)
                        .help("choose another `org` or `name`, or write `domain`");
                    lookup.report.push(diagnostic);
                    Root::Unmanaged
                }
            }
        }
        StorageType::Other(_) => Root::Unmanaged,
    }
}

/// Reports that nobody says where the root of a VM is.
pub(super) fn no_cmdline(
    storage_type: &Sourced<StorageType>,
    scope: Scope,
    lookup: &mut Lookup<'_>,
) {
    let message = format!(
        "storage type `{}` is unknown to xen-vman, so `cmdline` must say where the root is",
        storage_type.as_str()
    );
    let diagnostic = Diagnostic::new(
        DiagnosticId::MissingCmdline,
        scope.key("cmdline").path(),
        message,
    )
    .help("write it, such as `root=/dev/xvda rw net.ifnames=0`");
    lookup.report.push(diagnostic);
}
