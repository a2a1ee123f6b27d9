//! Reads what ZFS says about a dataset and the volumes in it (zfs-get(8)).

use super::zfs::{MADE_FOR, device};
use super::{PoolState, VolumeState};
use crate::diag::text::printable;
use std::collections::BTreeMap;

/// The properties that are asked for.
pub(super) const PROPERTIES: [&str; 7] = [
    "type",
    "available",
    "volsize",
    "guid",
    "creation",
    "createtxg",
    MADE_FOR,
];

/// The smallest block that volumes have by default; sizes are multiples of it.
const BLOCK_BYTES: u64 = 8192;

/// The properties of a dataset: values and where they come from, by name.
type Row<'t> = BTreeMap<&'t str, [&'t str; 2]>;

/// The state of a dataset.
pub(super) fn read(dataset: &str, said: &[u8]) -> Result<PoolState, String> {
    let text = std::str::from_utf8(said).map_err(|error| format!("the report of ZFS: {error}"))?;
    let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [name, property, value, source] = fields[..] else {
            let line = printable(line);
            return Err(format!("the report of ZFS has the line `{line}`"));
        };
        let row = rows.entry(name).or_default();
        row.insert(property, [value, source]);
    }
    let Some(own) = rows.get(dataset) else {
        return Err(format!("ZFS says nothing about {dataset}"));
    };
    if kind(own) != "filesystem" {
        return Err(format!("{dataset} is not a dataset that has volumes in it"));
    }
    let mut state = PoolState {
        free_bytes: number(own, "available")?,
        extent_bytes: BLOCK_BYTES,
        ..PoolState::default()
    };
    let below = format!("{dataset}/");
    for (name, row) in &rows {
        let volume = name.split(['@', '#']).next().unwrap_or(name);
        let is_in_it = volume
            .strip_prefix(&below)
            .is_some_and(|rest| !rest.contains('/'));
        if is_in_it && rows.get(volume).is_some_and(|row| kind(row) == "volume") {
            let found = found(volume, row)?;
            state.volumes.insert(device(name).into(), found);
        }
    }
    Ok(state)
}

/// A volume, or what is of it.
fn found(volume: &str, row: &Row<'_>) -> Result<VolumeState, String> {
    // What is inherited or received was not made here.
    let made_for = row.get(MADE_FOR).filter(|[_, source]| *source == "local");
    let made_for = made_for.and_then(|[key, _]| key.parse().ok());
    let is_snapshot = kind(row) == "snapshot" && made_for.is_some();
    Ok(VolumeState {
        // A bookmark has none.
        size_bytes: match kind(row) {
            "bookmark" => 0,
            _ => number(row, "volsize")?,
        },
        unique_id: row.get("guid").map(|[guid, _]| (*guid).to_owned()),
        made_for,
        snapshot_of: is_snapshot.then(|| device(volume).into()),
        made_on: Some(day(number(row, "creation")?)),
        order: Some(number(row, "createtxg")?),
        has_no_device: kind(row) != "volume",
        ..VolumeState::default()
    })
}

fn kind<'t>(row: &Row<'t>) -> &'t str {
    row.get("type").map_or("", |[value, _]| value)
}

fn number(row: &Row<'_>, property: &str) -> Result<u64, String> {
    let value = row.get(property).map_or("", |[value, _]| value);
    value.parse().map_err(|_| {
        let value = printable(value);
        format!("the report of ZFS has `{value}` instead of a number as `{property}`")
    })
}

/// The day of a time in seconds since 1970, in UTC.
fn day(secs: u64) -> String {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    // From March on, so that a leap day is the last one of a year.
    let days = secs / 86_400 + 719_468;
    let (era, of_era) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (secs, shown) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_735_689_599, "2024-12-31"),
            (1_796_083_199, "2026-11-30"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(day(secs), shown, "{secs}");
        }
    }

    fn rows(name: &str, kind: &str, volsize: &str, txg: &str, made_for: &str) -> String {
        let free = if kind == "snapshot" { "-" } else { "1000" };
        let fields = [
            ("type", kind, "-"),
            ("available", free, "-"),
            ("volsize", volsize, "local"),
            ("guid", "17", "-"),
            ("creation", "1796083199", "-"),
            ("createtxg", txg, "-"),
        ];
        let rows = fields
            .iter()
            .map(|(property, value, source)| format!("{name}\t{property}\t{value}\t{source}\n"));
        let own = format!("{name}\t{MADE_FOR}\t{made_for}\n");
        rows.chain([own]).collect()
    }

    #[test]
    fn only_what_was_made_here_is_ours() {
        let local = "org-web@data\tlocal";
        let said = [
            rows("tank/vms", "filesystem", "-", "1", "-\t-"),
            rows("tank/vms@at-1", "snapshot", "-", "1", local),
            rows("tank/vms/a", "volume", "8192", "2", local),
            rows("tank/vms/a@at-1", "snapshot", "4096", "3", local),
            rows(
                "tank/vms/a@theirs",
                "snapshot",
                "4096",
                "4",
                "org-web@data\tinherited from tank/vms/a",
            ),
            rows("tank/vms/a#mark", "bookmark", "-", "4", "-\t-"),
            rows("tank/vms/b", "volume", "8192", "5", "org-b\treceived"),
            rows("tank/vms/c", "filesystem", "-", "6", "-\t-"),
            rows("tank/vms/c@at-1", "snapshot", "-", "6", local),
            rows("tank/vms/c/d", "volume", "8192", "6", local),
        ];
        let state = read("tank/vms", said.concat().as_bytes()).unwrap();
        assert_eq!((state.free_bytes, state.extent_bytes), (1000, 8192));
        let shown: Vec<_> = state
            .volumes
            .iter()
            .map(|(location, one)| {
                let made_for = one.made_for.as_ref().map(ToString::to_string);
                let origin = one.snapshot_of.as_ref().map(ToString::to_string);
                (location.as_str(), one.size_bytes, made_for, origin)
            })
            .collect();
        let ours = Some("org-web@data".to_owned());
        let origin = Some("/dev/zvol/tank/vms/a".to_owned());
        assert_eq!(
            shown,
            [
                ("/dev/zvol/tank/vms/a", 8192, ours.clone(), None),
                ("/dev/zvol/tank/vms/a#mark", 0, None, None),
                ("/dev/zvol/tank/vms/a@at-1", 4096, ours, origin),
                ("/dev/zvol/tank/vms/a@theirs", 4096, None, None),
                ("/dev/zvol/tank/vms/b", 8192, None, None),
            ]
        );
        let volume = &state.volumes[&"/dev/zvol/tank/vms/a".to_owned().into()];
        assert_eq!(volume.made_on.as_deref(), Some("2026-11-30"));
        assert_eq!(volume.unique_id.as_deref(), Some("17"));
        assert!(!volume.has_no_device && volume.order == Some(2));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let of = |said: &str| read("tank/vms", said.as_bytes()).unwrap_err();
        assert!(of("").contains("says nothing about tank/vms"));
        assert!(of("tank/vms\ttype\n").contains("has the line"));
        let volume = rows("tank/vms", "volume", "8192", "1", "-\t-");
        assert!(of(&volume).contains("not a dataset that has volumes"));
        let own = rows("tank/vms", "filesystem", "-", "1", "-\t-");
        let odd = rows("tank/vms/a", "volume", "much", "2", "-\t-");
        assert!(of(&format!("{own}{odd}")).contains("`much` instead of a number as `volsize`"));
    }
}
