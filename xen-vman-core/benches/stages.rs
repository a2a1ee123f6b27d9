//! Time of each stage in memory, for hosts of many VMs.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::fmt::Write as _;
use std::hint::black_box;
use xen_vman_core::parse::parse;
use xen_vman_core::render::manifest;
use xen_vman_core::{Assets, Facts, Source, Templates, compile};

fn host(vms: usize) -> Source {
    let mut text =
        String::from("nfsroot_base = \"10.0.0.5:/tank/vms\"\n[defaults]\ngateway = \"10.0.0.1\"\n");
    for number in 0..vms {
        write!(
            text,
            "[[vms]]\norg = \"org{}\"\nname = \"vm{number}\"\nmemory = 2048\n\
             os = {{ type = \"debian\", version = \"bookworm\" }}\n\
             interfaces = [{{ ip = \"10.{}.{}.2/8\", ipv6 = \"2001:db8::{:x}/64\" }}]\n",
            number % 10,
            number / 250,
            number % 250,
            number + 1
        )
        .expect("a String takes everything");
    }
    Source::new("host.toml", text).expect("the ending is known")
}

fn stages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("vms");
    group.sample_size(10);
    for vms in [100_usize, 1_000, 10_000] {
        let source = host(vms);
        group.throughput(Throughput::Elements(vms as u64));
        group.bench_function(BenchmarkId::new("parse", vms), |bencher| {
            bencher.iter_batched(|| vec![source.clone()], parse, BatchSize::LargeInput);
        });
        group.bench_function(BenchmarkId::new("compile", vms), |bencher| {
            bencher.iter_batched(
                || vec![source.clone()],
                |files| compile(files, &Facts::default()),
                BatchSize::LargeInput,
            );
        });
        let compiled = compile(vec![source], &Facts::default());
        let templates = Templates::embedded();
        group.bench_function(BenchmarkId::new("render", vms), |bencher| {
            bencher.iter(|| {
                black_box(
                    compiled
                        .render(&templates, &Assets::default())
                        .expect("no errors"),
                )
            });
        });
        let output = compiled
            .render(&templates, &Assets::default())
            .expect("no errors");
        group.bench_function(BenchmarkId::new("manifest", vms), |bencher| {
            bencher.iter(|| {
                serde_json::to_string(&manifest(&compiled.resolved, &output)).expect("plain values")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
