//! Changes lines in the fstab(5) of a guest, and leaves all others as they are.

/// The text of an fstab without the lines `remove`, and with those of `add`.
///
/// # Errors
/// If something else is mounted where a line of `add` mounts a volume.
pub fn edit_fstab(text: &[u8], add: &[String], remove: &[String]) -> Result<Vec<u8>, String> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let is_in = |lines: &[String], line: &[u8]| {
        let line = line.trim_ascii_end();
        lines.iter().any(|one| one.as_bytes() == line)
    };
    let mut edited: Vec<u8> = Vec::new();
    for line in lines.filter(|line| !is_in(remove, line)) {
        let point = point_of(line);
        let clash = add
            .iter()
            .find(|one| point.is_some() && point_of(one.as_bytes()) == point && !is_in(add, line));
        if let (Some(_), Some(point)) = (clash, point) {
            return Err(format!(
                "its fstab has another line for {}",
                String::from_utf8_lossy(point)
            ));
        }
        edited.extend_from_slice(line);
    }
    for line in add {
        let mut lines = edited.split(|byte| *byte == b'\n');
        if lines.any(|one| one.trim_ascii_end() == line.as_bytes()) {
            continue;
        }
        if edited.last().is_some_and(|last| *last != b'\n') {
            edited.push(b'\n');
        }
        edited.extend_from_slice(line.as_bytes());
        edited.push(b'\n');
    }
    Ok(edited)
}

/// Where a line mounts something; `None` for comments, empty lines and swap space.
fn point_of(line: &[u8]) -> Option<&[u8]> {
    let mut fields = line
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty());
    let device = fields.next()?;
    let point = fields.next()?;
    (!device.starts_with(b"#") && point.starts_with(b"/")).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = "UUID=1 /srv ext4 defaults 0 2";
    const SWAP: &str = "UUID=2 none swap sw 0 0";

    fn edit(text: &str, add: &[&str], remove: &[&str]) -> Result<String, String> {
        let owned = |lines: &[&str]| -> Vec<String> {
            lines.iter().map(|line| (*line).to_owned()).collect()
        };
        let edited = edit_fstab(text.as_bytes(), &owned(add), &owned(remove))?;
        Ok(String::from_utf8(edited).expect("it was text"))
    }

    #[test]
    fn lines_are_added_at_the_end_once() {
        let root = "# mine\n/dev/xvda / ext4 defaults 0 1";
        let once = edit(root, &[DATA, SWAP], &[]).expect("nothing clashes");
        assert_eq!(once, format!("{root}\n{DATA}\n{SWAP}\n"));
        assert_eq!(edit(&once, &[DATA, SWAP], &[]), Ok(once.clone()));
        assert_eq!(edit(&once, &[], &[DATA, SWAP]), Ok(format!("{root}\n")));
    }

    #[test]
    fn lines_of_others_stay() {
        let text = "tmpfs /tmp tmpfs defaults 0 0\nUUID=1\t/srv ext4 noatime 0 2\n\nbroken\n";
        assert_eq!(edit(text, &[], &[DATA]), Ok(text.to_owned()));
        let why = edit(text, &[DATA], &[]).expect_err("both are at /srv");
        assert_eq!(why, "its fstab has another line for /srv");
        let changed = "UUID=1 /srv ext4 noatime 0 2";
        let text = format!("{DATA}\n");
        assert_eq!(edit(&text, &[changed], &[DATA]), Ok(format!("{changed}\n")));
    }

    #[test]
    fn text_that_is_no_text_is_kept() {
        let edited = edit_fstab(b"\xff\xfe", &[SWAP.to_owned()], &[]).expect("nothing clashes");
        assert_eq!(edited, [b"\xff\xfe\n", SWAP.as_bytes(), b"\n"].concat());
    }
}
