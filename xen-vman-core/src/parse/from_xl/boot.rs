//! The boot and CPU settings of xl.cfg → the keys of a VM.

use super::{Importer, entry, root, text};
use crate::diag::{Diagnostic, DiagnosticId};
use crate::document::{Node, Value};
use crate::xl_cfg::SettingValue;

impl Importer<'_, '_> {
    /// Kernel, initrd and command line; keys that are not set have no value.
    pub(super) fn direct_boot(&mut self) {
        for key in ["kernel", "bootloader", "ramdisk"] {
            if self.is_empty(key) {
                self.take(key);
            }
        }
        for key in ["kernel", "ramdisk", "cmdline"] {
            self.same_text(key);
        }
        self.root_and_extra();
        if self.waiting("firmware").is_some() {
            self.kernel_beside_firmware();
            return;
        }
        if self.waiting("bootloader").is_some() {
            return;
        }
        if !self.is_written("kernel") {
            let message = "neither `kernel` nor `bootloader` is set, so xl rejects the domain";
            let help = "write `kernel = \"/boot/vmlinuz\"`, or `bootloader = \"pygrub\"`, or `type = \"hvm\"`";
            let id = DiagnosticId::MissingKernel;
            self.problem(id, "kernel", Some(self.whole), message, help);
        }
        self.unless_written("initrd", text("none"));
        self.unless_written("cmdline", text(""));
    }

    /// xl rejects a kernel beside `firmware`, which loads one from the guest's disk.
    fn kernel_beside_firmware(&mut self) {
        let kernel = self.entries.iter().find(|entry| &*entry.key == "kernel");
        if let Some(span) = kernel.map(|entry| entry.key_span) {
            let message = "`kernel` and `firmware` are both set, so xl rejects the domain";
            let id = DiagnosticId::ContradictingXlOptions;
            self.problem(id, "kernel", span, message, "remove one of them");
        }
    }

    /// The older keys for a command line, which xl ignores if `cmdline` is set.
    fn root_and_extra(&mut self) {
        let mut line = Vec::new();
        let mut place = None;
        for (key, start) in [("root", "root="), ("extra", "")] {
            let Some(setting) = self.take(key) else {
                continue;
            };
            let key_span = self.key_span(&setting);
            if self.is_written("cmdline") {
                let message = format!("xl ignores `{key}` if `cmdline` is set");
                let help = "add it to `cmdline`, or remove it";
                self.problem(DiagnosticId::UnusedXlKey, key, key_span, message, help);
                continue;
            }
            let node = self.node(&setting);
            place = place.or(Some((key_span, node.span)));
            match &setting.value {
                SettingValue::Text(bytes) => {
                    line.push(format!("{start}{}", String::from_utf8_lossy(bytes)));
                }
                SettingValue::List(_) => {
                    let message = format!("`{key}` must be a string, or xl ignores it");
                    let diagnostic =
                        Diagnostic::new(DiagnosticId::WrongXlShape, root().key(key), message)
                            .at(node.span);
                    self.report.push(diagnostic);
                }
            }
        }
        if let Some((key_span, span)) = place {
            let value = Value::Text(line.join(" ").into());
            self.entries
                .push(entry("cmdline", key_span, Node { span, value }));
        }
    }

    /// xl does not pin virtual CPUs if their number is not set.
    pub(super) fn cpus_alone(&mut self) {
        if self.waiting("vcpus").is_some() || self.waiting("maxvcpus").is_some() {
            return;
        }
        for key in ["cpus", "cpus_soft"] {
            if let Some(setting) = self.take(key) {
                let message = format!("xl ignores `{key}` if `vcpus` is not set");
                let help = "set `vcpus = 1`, or remove it";
                let span = self.key_span(&setting);
                self.problem(DiagnosticId::UnusedXlKey, key, span, message, help);
            }
        }
    }
}
