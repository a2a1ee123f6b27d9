//! Volumes on NFS: each is a directory below a common export, which the guest mounts.

use super::settings::sourced;
use super::{
    Backend, Fstab, KernelRoot, Medium, Mount, Needs, Problem, RootServer, RootVolume, SettingRow,
    StorageServer, StorageSettings, Unmanaged, Volume, VolumeId, VolumeRequest,
};
use crate::diag::DiagnosticId;
use crate::document::table::table;
use crate::origin::Sourced;
use crate::values::{GuestType, NfsBase, NfsExport};
use serde_json::json;

/// The built-in defaults.
pub(super) const BUILT_IN: &str = "";

table! {
    /// The host's settings for NFS, as written.
    plain struct NfsKeys {
        /// The directory that contains all NFS roots, as `server:/path`; a root is
        /// `BASE/ORG/NAME-root`, a further volume `BASE/ORG/NAME-VOLUME`. Required for NFS.
        nfsroot_base: NfsBase,
    }
}

/// A host's settings for NFS.
#[derive(Debug, Clone)]
pub struct NfsSettings {
    nfsroot_base: Option<Sourced<NfsBase>>,
}

impl NfsSettings {
    pub(super) fn new(written: &NfsKeys, built_in: &NfsKeys) -> Self {
        Self {
            nfsroot_base: sourced!(setting, written, built_in, nfsroot_base),
        }
    }

    pub(super) fn rows(&self) -> Vec<SettingRow> {
        vec![SettingRow::maybe(
            "nfsroot_base",
            self.nfsroot_base.as_ref(),
        )]
    }

    /// A volume of a VM.
    pub(super) fn volume(
        &self,
        asked: &VolumeRequest<'_>,
        report: &mut dyn FnMut(Problem),
    ) -> RootVolume {
        if asked
            .root
            .is_some_and(|root| root.guest_type == GuestType::Hvm)
        {
            return RootVolume::Unmanaged(Unmanaged::HvmBootsFromDisks);
        }
        // `manual_root_disk` has no effect: there is no root disk to replace.
        let Some(base) = &self.nfsroot_base else {
            report(Problem::missing(
                DiagnosticId::MissingNfsrootBase,
                "nfsroot_base",
                "set it to the directory that contains the roots, such as `10.0.0.5:/srv/vms`",
            ));
            return RootVolume::Unmanaged(Unmanaged::Incomplete);
        };
        RootVolume::Managed(Volume::Nfs(NfsVolume {
            export: match &asked.key.volume {
                None => base.root_of(asked.org, asked.name),
                Some(volume) => base.volume_of(asked.org, asked.name, volume),
            },
        }))
    }
}

/// The directory of a VM's root on an NFS server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NfsVolume {
    /// The export.
    pub export: NfsExport,
}

impl Backend for NfsVolume {
    fn id(&self) -> VolumeId {
        VolumeId::everywhere(self.export.to_string())
    }

    fn medium(&self) -> Medium {
        Medium::Directory(Mount {
            fs_type: "nfs".to_owned(),
            source: self.export.to_string(),
            drivers: vec!["nfs", "nfsv3", "nfsv4"],
        })
    }

    fn kernel_root(&self) -> KernelRoot {
        KernelRoot {
            arguments: format!("root=nfs:{} rw", self.export),
            server: Some(RootServer {
                what: "NFS",
                address: self.export.server_address(),
            }),
        }
    }

    fn fstab(&self) -> Fstab {
        Fstab {
            device: self.export.to_string(),
            fs_type: "nfs".to_owned(),
            options: "rw,relatime",
            pass: 0,
        }
    }

    fn needs(&self, _: &StorageSettings) -> Needs {
        Needs {
            programs: vec![("mount.nfs".to_owned(), "nfs-common")],
            targets: Vec::new(),
        }
    }

    fn server(&self) -> Option<StorageServer> {
        Some(StorageServer {
            protocol: "NFS",
            address: self.export.server().to_owned(),
            volume: self.export.path().to_owned(),
        })
    }

    fn guest_package(&self) -> Option<&'static str> {
        Some("nfs-common")
    }

    fn describe(&self) -> String {
        self.export.to_string()
    }

    fn to_json(&self) -> serde_json::Value {
        json!({ "type": "nfs", "source": self.export.to_string() })
    }
}
