//! Roots on DRBD volumes that exist on the host.

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
    /// The host's settings for DRBD volumes, as written.
    plain struct DrbdKeys {
        /// The directory of the devices. Required for DRBD volumes.
        drbd_dir: HostPath,
    }
}

/// A host's settings for DRBD volumes.
#[derive(Debug, Clone)]
pub struct DrbdSettings {
    drbd_dir: Option<Sourced<HostPath>>,
}

impl DrbdSettings {
    pub(super) fn new(written: &DrbdKeys, built_in: &DrbdKeys) -> Self {
        Self {
            drbd_dir: Sourced::setting(
                "drbd_dir",
                written.drbd_dir.as_ref(),
                built_in.drbd_dir.as_ref(),
            ),
        }
    }

    pub(super) fn rows(&self) -> Vec<SettingRow> {
        vec![SettingRow::maybe("drbd_dir", self.drbd_dir.as_ref())]
    }

    pub(super) fn volume(&self, asked: &VolumeRequest<'_>, report: &mut dyn FnMut(Problem)) -> RootVolume {
        let Some(directory) = &self.drbd_dir else {
            let help = "set it to the directory of the devices, such as `/dev/drbd/by-res`";
            report(Problem::missing(DiagnosticId::MissingKey, "drbd_dir", help));
            return RootVolume::Unmanaged(Unmanaged::Incomplete);
        };
        RootVolume::Managed(Volume::Drbd(DrbdVolume {
            device: format!("{}/{}", **directory, asked.label()),
            content: asked.content,
        }))
    }
}

/// A DRBD volume.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrbdVolume {
    /// The path of the device.
    pub device: String,
    /// The file system that it gets.
    pub content: DiskContent,
}

impl DrbdVolume {
    fn disk(&self) -> BlockDevice {
        BlockDevice {
            path: self.device.clone(),
            content: self.content,
        }
    }
}

impl Backend for DrbdVolume {
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
            programs: vec![("drbdadm".to_owned(), "drbd-utils")],
            targets: Vec::new(),
        }
    }

    fn describe(&self) -> String {
        self.device.clone()
    }

    fn to_json(&self) -> serde_json::Value {
        json!({ "type": "drbd", "device": self.device, "filesystem": self.content })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Assets, Facts, Source, Templates, compile};

    /// Every stage works with the backend, although none knows it.
    #[test]
    fn a_vm_on_the_new_backend() {
        let text = r#"
            drbd_dir = "/dev/drbd/by-res"
            [[vms]]
            org = "a"
            name = "web"
            storage_type = "drbd"
            os = { type = "debian", version = "12" }
            interfaces = []
        "#;
        let source = Source::new("host.toml", text).unwrap();
        let compiled = compile(vec![source], &Facts::default());
        assert!(!compiled.report.has_errors(), "{:?}", compiled.report);
        let templates = Templates::embedded();
        let output = compiled.render(&templates, &Assets::default()).unwrap();
        let config = output.xl_config("a-web").unwrap().text().into_owned();
        assert!(config.contains("phy:/dev/drbd/by-res/a-web,xvda,w"), "{config}");
        let data = output.host_file("/etc/xen-vman/roots/a-web.drbd").unwrap();
        assert!(data.text().contains("ROOT_DEVICE='/dev/drbd/by-res/a-web'"));
        let vm_root = output.host_file("/usr/local/lib/xen-vman/vm-root").unwrap();
        assert!(vm_root.text().contains("drbd"));
    }
}
