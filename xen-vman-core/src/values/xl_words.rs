//! The values that xl accepts for a key: their type and, for some keys, the words.
//!
//! The words are those of xl 4.17 (`libxl_types.idl`, `xl_parse.c`); it rejects any other.

use super::devices::PciDevice;
use super::{Builder, CpuItems, DomainAction, GuestType, Shape, XlKeyInfo, XlValue, xl_key_info};
use crate::diag::{Diagnostic, DiagnosticId, FieldPath};
use crate::document::EXPRESSION;
use crate::document::decode::{FromText as _, Schema, closest};
use serde_json::json;

/// The words of a key; `None` if it accepts any string.
pub fn xl_words(key: &str) -> Option<&'static [&'static str]> {
    Some(match key {
        "on_poweroff" | "on_reboot" | "on_crash" | "on_watchdog" | "on_soft_reset" => {
            DomainAction::WORDS
        }
        "type" => GuestType::WORDS,
        "builder" => Builder::WORDS,
        "tsc_mode" => &["default", "always_emulate", "native", "native_paravirt"],
        "timer_mode" => &[
            "delay_for_missed_ticks",
            "no_delay_for_missed_ticks",
            "no_missed_ticks_pending",
            "one_missed_tick_pending",
        ],
        "bios" => &["seabios", "ovmf", "rombios"],
        "vga" => &["stdvga", "cirrus", "qxl", "none"],
        "hdtype" => &["ahci", "ide"],
        "altp2m" => &["disabled", "mixed", "external", "limited"],
        "passthrough" => &["disabled", "enabled", "sync_pt", "share_pt"],
        "device_model_version" => &["qemu-xen", "qemu-xen-traditional"],
        "vendor_device" => &["none", "xenserver"],
        "gfx_passthru" => &["default", "igd"],
        "gic_version" => &["default", "v2", "v3"],
        "tee" => &["none", "optee"],
        "vuart" => &["sbsa_uart"],
        "ms_vm_genid" => &["generate", "none"],
        "viridian" => &[
            "base",
            "freq",
            "time_ref_count",
            "reference_tsc",
            "hcall_remote_tlb_flush",
            "apic_assist",
            "crash_ctl",
            "synic",
            "stimer",
            "hcall_ipi",
            "ex_processor_masks",
            "no_vp_limit",
            "cpu_hotplug",
            "defaults",
            "all",
        ],
        _ => return None,
    })
}

/// The JSON Schema of a key's values; `None` for keys that xl 4.17 does not know.
pub(super) fn xl_key_schema(key: &str) -> Option<Schema> {
    let shape = xl_key_info(key)?.shape;
    let types: &[&str] = match shape {
        Shape::Text => &["string", "integer"],
        Shape::Integer | Shape::IntegerOrText => &["integer", "string"],
        Shape::Boolean => &["boolean", "integer", "string"],
        Shape::List => &["array"],
        Shape::ListOrText => &["array", "string", "integer"],
        Shape::ListOrBoolean => &["array", "boolean", "integer"],
    };
    Some(match xl_words(key) {
        Some(words) if shape == Shape::Text => {
            json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": EXPRESSION }] })
        }
        _ => json!({ "type": types }),
    })
}

/// What is wrong with the items of a list, or with a list of CPUs.
fn bad_item(key: &str, value: &XlValue) -> Option<(DiagnosticId, String, Option<String>)> {
    match (key, value) {
        ("pci", XlValue::List(_)) => {
            let mut wrong = value
                .texts()
                .filter_map(|text| Some((text, PciDevice::from_text(text).err()?)));
            let (text, invalid) = wrong.next()?;
            let message = format!("`{text}` of `pci` {}", invalid.why);
            Some((DiagnosticId::BadXlOption, message, None))
        }
        ("cpus_soft", XlValue::Text(text)) => {
            let invalid = CpuItems::from_text(text).err()?;
            let message = format!("`cpus_soft`, `{text}`, {}", invalid.why);
            Some((DiagnosticId::BadCpuList, message, invalid.help))
        }
        _ => None,
    }
}

/// What is wrong with the value of a key at a path, if anything.
pub fn xl_value_problem(
    key: &str,
    info: XlKeyInfo,
    value: &XlValue,
    path: &FieldPath,
) -> Option<Diagnostic> {
    let problem = |id, message| Diagnostic::new(id, path.clone(), message);
    if let XlValue::Text(text) = value
        && info.shape.is_number()
        && text.starts_with('0')
        && text.len() > 1
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'x')
    {
        let message = format!("xl reads `{text}` of `{key}` as octal or hexadecimal");
        let help = "write the number in decimal digits, without a leading `0`";
        return Some(problem(DiagnosticId::MisreadValue, message).help(help));
    }
    if let XlValue::Text(text) = value
        && key.starts_with("spice")
        && text.contains(',')
    {
        let message =
            format!("`{key}` must not contain a comma: QEMU would read an option after it");
        return Some(problem(DiagnosticId::BadXlOption, message));
    }
    if !info.shape.fits(value) {
        let message = format!("`{key}` in xl.cfg must be {}", info.shape.describe());
        return Some(problem(DiagnosticId::WrongXlShape, message));
    }
    if let Some((id, message, help)) = bad_item(key, value) {
        let mut diagnostic = problem(id, message);
        diagnostic.help = help;
        return Some(diagnostic);
    }
    let words = xl_words(key)?;
    let takes_number = info.shape.is_number() || info.shape == Shape::ListOrBoolean;
    let is_number = |word: &str| takes_number && word.parse::<u32>().is_ok();
    // `!` excludes a group of enlightenments.
    let plain = |word: &str| word.trim_start_matches('!').to_owned();
    let wrong = value
        .texts()
        .find(|word| !is_number(word) && !words.contains(&&*plain(word)))?;
    let message = format!(
        "xl does not accept `{wrong}` for `{key}`, only {}",
        words.join(", ")
    );
    let diagnostic = problem(DiagnosticId::RefusedXlWord, message);
    Some(match closest(&wrong.to_lowercase(), words) {
        Some(near) => diagnostic.did_you_mean(wrong, near),
        None => diagnostic,
    })
}
