//! The judges: programs nobody here wrote. The test of one that is missing is skipped.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The folder of the judges' own programs, or none if they are not set up.
pub(crate) fn set_up() -> Option<PathBuf> {
    let dir = std::env::var_os("XEN_VMAN_JUDGES").map_or_else(
        || super::crate_dir().parent().unwrap().join("target/judges"),
        PathBuf::from,
    );
    present(
        dir.join("bin/xl-judge").exists(),
        "the judges are not set up (`make judges` does it)",
    )
    .then_some(dir)
}

/// Whether a judge is there; says or fails if not.
pub(crate) fn present(there: bool, otherwise: &str) -> bool {
    if !there {
        super::skipped::judge(otherwise);
    }
    there
}

/// Whether a program can be run.
pub(crate) fn has_program(name: &str) -> bool {
    let there = Command::new(name)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    present(there, &format!("there is no {name}"))
}

/// What Xen's xl says of a file.
#[derive(Debug)]
pub(crate) struct XlVerdict {
    /// The file.
    pub(crate) file: String,
    /// Exit status, messages and keys that xl never read; empty if all is well.
    pub(crate) objections: Vec<String>,
    /// The domain as xl understood it.
    pub(crate) config: Value,
}

/// Has xl judge files.
pub(crate) fn xl(judges: &Path, files: &[PathBuf]) -> Vec<XlVerdict> {
    let output = Command::new(judges.join("bin/xl-judge"))
        .args(["--jobs", "2"])
        .args(files)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8_lossy(&output.stdout);
    let verdicts: Vec<_> = lines
        .lines()
        .map(|line| {
            let verdict: Value = serde_json::from_str(line).unwrap();
            let texts = |key: &str| {
                verdict[key]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|v| v.as_str().unwrap().to_owned())
            };
            let mut objections: Vec<String> = texts("messages").collect();
            objections.extend(texts("unread_keys").map(|key| format!("xl never reads `{key}`")));
            if verdict["exit"] != 0 {
                objections.push(format!("xl exits with {}", verdict["exit"]));
            }
            XlVerdict {
                file: verdict["file"].as_str().unwrap().to_owned(),
                objections,
                config: verdict["config"].clone(),
            }
        })
        .collect();
    assert_eq!(verdicts.len(), files.len());
    verdicts
}

/// What libxlutil makes of a file.
#[derive(Debug)]
pub(crate) struct XluVerdict {
    /// Why it is refused, or none.
    pub(crate) refusal: Option<String>,
    /// Keys and values: texts and lists, stray bytes as U+F7NN.
    pub(crate) values: serde_json::Map<String, Value>,
}

/// Has libxlutil read files.
pub(crate) fn xlu(judges: &Path, files: &[PathBuf]) -> Vec<XluVerdict> {
    let output = Command::new(judges.join("bin/xlu-dump"))
        .args(files)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    let verdicts: Vec<_> = lines
        .lines()
        .map(|line| {
            let verdict: Value = serde_json::from_str(line).unwrap();
            XluVerdict {
                refusal: (verdict["ok"] == false)
                    .then(|| verdict["error"].as_str().unwrap().to_owned()),
                values: verdict["values"].as_object().unwrap().clone(),
            }
        })
        .collect();
    assert_eq!(verdicts.len(), files.len());
    verdicts
}

/// Runs one of the scripts in `tests/judges`; 77 means that it cannot run here. Returns whether
/// it has run.
pub(crate) fn script(name: &str, arguments: &[&Path]) -> bool {
    let path = super::crate_dir().join("tests/judges").join(name);
    let output = Command::new(&path)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let text = said(&output);
    if output.status.code() == Some(77) {
        super::skipped::judge(text.lines().last().unwrap_or("it cannot run here"));
        return false;
    }
    println!("{text}");
    assert!(output.status.success(), "{name}:\n{text}");
    true
}

/// All that a program printed.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
