//! Volumes on iSCSI disks: each has a target, whose LUN 0 it is; the host logs in to it.

use super::settings::sourced;
use super::{
    Attachment, Backend, BlockDevice, Fstab, KernelRoot, Medium, Needs, Problem, ProblemAt,
    RootVolume, SettingRow, ShellVariable, StorageServer, StorageSettings, StorageTimeout,
    Unmanaged, Volume, VolumeId, VolumeRequest,
};
use crate::diag::DiagnosticId;
use crate::document::table::table;
use crate::origin::{Origin, Sourced};
use crate::values::{DiskContent, Iqn, Portal, ProgramPath, Seconds};
use serde_json::json;

/// The built-in defaults.
pub(super) const BUILT_IN: &str = r#"
iscsiadm_path = "/usr/sbin/iscsiadm"
iscsi_login_timeout = 40
iscsi_logout_timeout = 40
"#;

table! {
    /// The host's settings for iSCSI, as written.
    plain struct IscsiKeys {
        /// Path of the `iscsiadm` command.
        iscsiadm_path: ProgramPath,
        /// How long an iSCSI login may take, including the time until the disk appears.
        iscsi_login_timeout: Seconds,
        /// How long an iSCSI logout may take.
        iscsi_logout_timeout: Seconds,
        /// The iSCSI server, with or without `:port` (3260). Required for iSCSI.
        iscsi_server: Portal,
        /// The prefix of all target names; a target is `BASE:ORG-NAME`, or `BASE:ORG-NAME-VOLUME` for a
        /// further volume. Required for iSCSI.
        iscsi_base_wwn: Iqn,
    }
}

/// A host's settings for iSCSI.
#[derive(Debug, Clone)]
pub struct IscsiSettings {
    iscsiadm_path: Sourced<ProgramPath>,
    iscsi_login_timeout: Sourced<Seconds>,
    iscsi_logout_timeout: Sourced<Seconds>,
    iscsi_server: Option<Sourced<Portal>>,
    iscsi_base_wwn: Option<Sourced<Iqn>>,
}

impl IscsiSettings {
    pub(super) fn new(
        written: &IscsiKeys,
        built_in: &IscsiKeys,
        program: &dyn Fn(&str) -> Option<ProgramPath>,
    ) -> Self {
        let mut iscsiadm_path: Sourced<ProgramPath> =
            sourced!(required_setting, written, built_in, iscsiadm_path);
        // Facts override the built-in default, but not what the user sets.
        if iscsiadm_path.origin == Origin::BuiltIn
            && let Some(value) = program("iscsiadm_path")
        {
            iscsiadm_path = Sourced {
                value,
                origin: Origin::Fact("iscsiadm_path"),
            };
        }
        Self {
            iscsiadm_path,
            iscsi_login_timeout: sourced!(required_setting, written, built_in, iscsi_login_timeout),
            iscsi_logout_timeout: sourced!(
                required_setting,
                written,
                built_in,
                iscsi_logout_timeout
            ),
            iscsi_server: sourced!(setting, written, built_in, iscsi_server),
            iscsi_base_wwn: sourced!(setting, written, built_in, iscsi_base_wwn),
        }
    }

    pub(super) fn rows(&self) -> Vec<SettingRow> {
        vec![
            SettingRow::of("iscsiadm_path", &self.iscsiadm_path),
            SettingRow::of("iscsi_login_timeout", &self.iscsi_login_timeout),
            SettingRow::of("iscsi_logout_timeout", &self.iscsi_logout_timeout),
            SettingRow::maybe("iscsi_server", self.iscsi_server.as_ref()),
            SettingRow::maybe("iscsi_base_wwn", self.iscsi_base_wwn.as_ref()),
        ]
    }

    /// The programs that scripts on the host run, by their names in the templates.
    pub(super) fn programs(&self) -> Vec<(&'static str, &ProgramPath)> {
        vec![("iscsiadm", &self.iscsiadm_path.value)]
    }

    /// The time limits in units and scripts, by their names in the templates.
    pub(super) fn timeouts(&self) -> Vec<StorageTimeout> {
        vec![
            ("iscsi_login_timeout", self.iscsi_login_timeout.value),
            ("iscsi_logout_timeout", self.iscsi_logout_timeout.value),
        ]
    }

    /// A volume of a VM.
    pub(super) fn volume(
        &self,
        asked: &VolumeRequest<'_>,
        report: &mut dyn FnMut(Problem),
    ) -> RootVolume {
        if self.iscsi_server.is_none() {
            report(Problem::missing(
                DiagnosticId::MissingIscsiServer,
                "iscsi_server",
                "set it to the address of the server, such as `10.0.0.6`",
            ));
        }
        if self.iscsi_base_wwn.is_none() {
            report(Problem::missing(
                DiagnosticId::MissingIscsiBaseWwn,
                "iscsi_base_wwn",
                "set it to the prefix of the target names, such as `iqn.2017-01.de.example`",
            ));
        }
        let (Some(portal), Some(base)) = (&self.iscsi_server, &self.iscsi_base_wwn) else {
            return RootVolume::Unmanaged(Unmanaged::Incomplete);
        };
        let label = asked.label();
        match base.target(&label) {
            Ok(target) => RootVolume::Managed(Volume::Iscsi(IscsiVolume {
                device: portal.by_path(&target),
                portal: portal.value.clone(),
                target,
                content: asked.content,
                login_timeout: self.iscsi_login_timeout.value,
                logout_timeout: self.iscsi_logout_timeout.value,
            })),
            Err(invalid) => {
                report(Problem {
                    id: DiagnosticId::BadIscsiTarget,
                    at: ProblemAt::Key("name"),
                    message: format!("the iSCSI name `{}:{label}` {}", base.value, invalid.why),
                    help: "choose another `org` or `name`, or set `domain`".to_owned(),
                });
                RootVolume::Unmanaged(Unmanaged::Incomplete)
            }
        }
    }
}

/// LUN 0 of an iSCSI target.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IscsiVolume {
    /// The portal of the server.
    pub portal: Portal,
    /// The target.
    pub target: Iqn,
    /// The path of the disk on the host, once logged in.
    pub device: String,
    /// What it holds.
    pub content: DiskContent,
    /// How long a login may take.
    pub login_timeout: Seconds,
    /// How long a logout may take.
    pub logout_timeout: Seconds,
}

impl IscsiVolume {
    fn disk(&self) -> BlockDevice {
        BlockDevice {
            path: self.device.clone(),
            content: self.content,
        }
    }
}

impl Backend for IscsiVolume {
    fn id(&self) -> VolumeId {
        VolumeId::everywhere(self.target.to_string())
    }

    fn medium(&self) -> Medium {
        Medium::Disk(self.disk())
    }

    fn attachment(&self) -> Option<Attachment> {
        Some(Attachment {
            unit: "vm_iscsi_session",
            holders: &["vm_iscsi"],
            session: self.target.to_string(),
            attach_secs: self.login_timeout.get(),
            detach_secs: self.logout_timeout.get(),
        })
    }

    fn kernel_root(&self) -> KernelRoot {
        self.disk().kernel_root()
    }

    fn fstab(&self) -> Fstab {
        self.disk().fstab()
    }

    fn data(&self) -> Vec<ShellVariable> {
        vec![
            ("ISCSI_IQN", self.target.to_string()),
            ("ISCSI_PORTAL", self.portal.to_string()),
        ]
    }

    fn needs(&self, settings: &StorageSettings) -> Needs {
        let iscsiadm = settings.iscsi.iscsiadm_path.to_string();
        Needs {
            programs: vec![(iscsiadm, "open-iscsi")],
            targets: vec![self.target.to_string()],
        }
    }

    fn server(&self) -> Option<StorageServer> {
        Some(StorageServer {
            protocol: "iSCSI",
            address: self.portal.to_string(),
            volume: self.target.to_string(),
        })
    }

    fn describe(&self) -> String {
        format!("{} at {}", self.target, self.portal)
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "type": "iscsi",
            "portal": self.portal,
            "iqn": self.target,
            "device": self.device,
            "filesystem": self.content,
        })
    }
}
