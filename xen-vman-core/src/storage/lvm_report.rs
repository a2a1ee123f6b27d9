//! Reads what LVM reports about a volume group (lvmreport(7)).

use super::lvm::{SNAPSHOT_TAG, TAG, device};
use super::{LvmVolume, PoolState, ThinPool, VolumeState};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A report of lvmreport(7).
#[derive(Deserialize)]
struct FullReport {
    report: Vec<GroupReport>,
}

#[derive(Deserialize)]
struct GroupReport {
    #[serde(default)]
    vg: Vec<GroupRow>,
    #[serde(default)]
    lv: Vec<VolumeRow>,
    #[serde(default)]
    seg: Vec<SegmentRow>,
}

#[derive(Deserialize)]
struct GroupRow {
    vg_free: String,
    vg_extent_size: String,
}

#[derive(Deserialize)]
struct VolumeRow {
    lv_name: String,
    lv_uuid: String,
    lv_size: String,
    lv_tags: String,
    #[serde(default)]
    lv_time: String,
    pool_lv: String,
    data_percent: String,
    metadata_percent: String,
}

#[derive(Deserialize)]
struct SegmentRow {
    lv_name: String,
    segtype: String,
    zero: String,
}

/// A percentage such as `12.34`, rounded up; `None` if it is not known.
fn percent(text: &str) -> Option<u8> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let whole: u8 = whole.parse().ok()?;
    let more = rest.bytes().any(|digit| digit != b'0');
    Some(whole.saturating_add(u8::from(more)))
}

/// The state of the pool of a volume.
pub(super) fn read(volume: &LvmVolume, said: &[u8]) -> Result<PoolState, String> {
    let full: FullReport =
        serde_json::from_slice(said).map_err(|error| format!("the report of LVM: {error}"))?;
    let [report] = &full.report[..] else {
        return Err(match full.report.len() {
            0 => format!("there is no volume group {}", volume.group),
            several => format!("there are {several} volume groups {}", volume.group),
        });
    };
    let number = |text: &str| {
        let number: Result<u64, _> = text.parse();
        number.map_err(|_| format!("the report of LVM has `{text}` instead of a number of bytes"))
    };
    let [group] = &report.vg[..] else {
        return Err(format!(
            "LVM reports nothing about the volume group {}",
            volume.group
        ));
    };
    let mut state = PoolState {
        free_bytes: number(&group.vg_free)?,
        extent_bytes: number(&group.vg_extent_size)?,
        ..PoolState::default()
    };
    let mut found = BTreeMap::new();
    for row in &report.lv {
        let tags: Vec<&str> = row.lv_tags.split(',').collect();
        let after = |start: &str| {
            let mut found = tags.iter();
            found.find_map(|tag| tag.strip_prefix(start)?.strip_prefix('/'))
        };
        let made_for = after(TAG).and_then(|key| key.replacen('/', "@", 1).parse().ok());
        let snapshot_of = after(SNAPSHOT_TAG).map(|name| device(volume.group.as_str(), name));
        let is_ours = tags.contains(&TAG);
        let state = VolumeState {
            size_bytes: number(&row.lv_size)?,
            unique_id: Some(row.lv_uuid.clone()),
            thin_pool: Some(row.pool_lv.clone()).filter(|pool| !pool.is_empty()),
            made_for: made_for.filter(|_| is_ours),
            snapshot_of: snapshot_of.filter(|_| is_ours).map(Into::into),
            made_on: row
                .lv_time
                .split(' ')
                .next()
                .filter(|day| !day.is_empty())
                .map(str::to_owned),
            ..VolumeState::default()
        };
        found.insert(device(volume.group.as_str(), &row.lv_name).into(), state);
    }
    state.volumes = found;
    if volume.thin_pool.is_none() {
        state.no_snapshots = Some("only thin volumes of LVM have snapshots here".to_owned());
    }
    let Some(pool) = &volume.thin_pool else {
        return Ok(state);
    };
    let is_pool = |name: &str| name == pool.as_str();
    let row = report.lv.iter().find(|row| is_pool(&row.lv_name));
    let segment = report.seg.iter().find(|row| is_pool(&row.lv_name));
    let (Some(row), Some(segment)) = (row, segment) else {
        return Err(format!(
            "the volume group {} has no thin pool {pool}",
            volume.group
        ));
    };
    if segment.segtype != "thin-pool" {
        return Err(format!("{}/{pool} is not a thin pool", volume.group));
    }
    if segment.zero != "zero" {
        state.unfit = Some(format!(
            "it does not zero what volumes get, so a guest could read what others have deleted; run \
             `lvchange --zero y {}/{pool}`",
            volume.group
        ));
    }
    let sizes = report.lv.iter().filter(|row| is_pool(&row.pool_lv));
    let sizes = sizes
        .map(|row| number(&row.lv_size))
        .collect::<Result<Vec<_>, _>>()?;
    state.thin = Some(ThinPool {
        size_bytes: number(&row.lv_size)?,
        promised_bytes: sizes.iter().sum(),
        data_percent: percent(&row.data_percent),
        metadata_percent: percent(&row.metadata_percent),
    });
    Ok(state)
}
