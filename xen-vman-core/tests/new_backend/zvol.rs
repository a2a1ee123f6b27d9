//! Roots on ZFS volumes that exist on the host.

use super::{
    Backend, BlockDevice, Fstab, KernelRoot, Medium, Needs, Problem,
    RootVolume, SettingRow, StorageSettings, Unmanaged, Volume, VolumeId, VolumeRequest, };
use crate::diag::DiagnosticId;
use crate::document::table::table;
use crate::origin::Sourced;
use crate::values::{DiskContent, HostPath};
use serde_json::json;

pub(super) const BUILT_IN: &str = "";

table! {
    /// The host's settings for ZFS volumes, as written.
    plain struct ZvolKeys {
        /// The directory of the pool's devices. Required for ZFS volumes.
        zvol_pool: HostPath,
    }
}

/// A host's settings for ZFS volumes.
#[derive(Debug, Clone)]
pub struct ZvolSettings {
    zvol_pool: Option<Sourced<HostPath>>,
}

impl ZvolSettings {
    pub(super) fn new(written: &ZvolKeys, built_in: &ZvolKeys) -> Self {
        Self {
            zvol_pool: Sourced::setting(
                "zvol_pool",
                written.zvol_pool.as_ref(),
                built_in.zvol_pool.as_ref(),
            ),
        }
    }

    pub(super) fn rows(&self) -> Vec<SettingRow> {
        vec![SettingRow::maybe("zvol_pool", self.zvol_pool.as_ref())]
    }

    pub(super) fn volume(&self, asked: &VolumeRequest<'_>, report: &mut dyn FnMut(Problem)) -> RootVolume {
        if asked.is_among_disks() {
            return RootVolume::Unmanaged(Unmanaged::AmongDisks);
        }
        let Some(pool) = &self.zvol_pool else {
            let help = "set it to the directory of the pool's devices, such as `/dev/zvol/tank`";
            report(Problem::missing(DiagnosticId::MissingKey, "zvol_pool", help));
            return RootVolume::Unmanaged(Unmanaged::Incomplete);
        };
        RootVolume::Managed(Volume::Zvol(ZvolVolume {
            device: format!("{}/{}", **pool, asked.label()),
            content: asked.content,
        }))
    }
}

/// A ZFS volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZvolVolume {
    /// The path of the device.
    pub device: String,
    /// The file system that it gets.
    pub content: DiskContent,
}

impl ZvolVolume {
    fn disk(&self) -> BlockDevice {
        BlockDevice {
            path: self.device.clone(),
            content: self.content,
        }
    }
}

impl Backend for ZvolVolume {
    fn id(&self) -> VolumeId {
        VolumeId::of_host(self.device.clone())
    }

    fn medium(&self) -> Medium {
        Medium::Disk(self.disk())
    }

    fn kernel_root(&self) -> KernelRoot {
        self.disk().kernel_root()
    }

    fn fstab(&self) -> Fstab {
        self.disk().fstab()
    }

    fn needs(&self, _: &StorageSettings) -> Needs {
        Needs {
            programs: vec![("zfs".to_owned(), "zfsutils-linux")],
            targets: Vec::new(),
        }
    }

    fn describe(&self) -> String {
        self.device.clone()
    }

    fn to_json(&self) -> serde_json::Value {
        json!({ "type": "zvol", "device": self.device, "filesystem": self.content })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Assets, Facts, Source, Templates, compile};

    /// Every stage works with the backend, although none knows it.
    #[test]
    fn a_vm_on_the_new_backend() {
        let text = r#"
            zvol_pool = "/dev/zvol/tank"
            [[vms]]
            org = "a"
            name = "web"
            storage_type = "zvol"
            os = { type = "debian", version = "12" }
            interfaces = []
        "#;
        let source = Source::new("host.toml", text).unwrap();
        let compiled = compile(vec![source], &Facts::default());
        assert!(!compiled.report.has_errors(), "{:?}", compiled.report);
        let templates = Templates::embedded();
        let output = compiled.render(&templates, &Assets::default()).unwrap();
        let config = output.xl_config("a-web").unwrap().text().into_owned();
        assert!(config.contains("phy:/dev/zvol/tank/a-web,xvda,w"), "{config}");
        let data = output.host_file("/etc/xen-vman/roots/a-web.zvol").unwrap();
        assert!(data.text().contains("ROOT_DEVICE='/dev/zvol/tank/a-web'"));
        let vm_root = output.host_file("/usr/local/lib/xen-vman/vm-root").unwrap();
        assert!(vm_root.text().contains("zvol"));
    }
}
