//! `after`: which VMs start before which.

use crate::diag::{Diagnostic, DiagnosticId, Fix, Report, did_you_mean};
use crate::document::decode::closest;
use crate::resolve::{Resolved, Scope};
use std::collections::HashMap;

/// A VM that is not defined is never started.
pub(super) fn unknown_vm(resolved: &Resolved, report: &mut Report) {
    let known: Vec<&str> = resolved.vms.iter().map(|vm| vm.domain.as_str()).collect();
    let set: std::collections::HashSet<&str> = known.iter().copied().collect();
    for vm in &resolved.vms {
        for other in &vm.after {
            if set.contains(other.as_str()) {
                continue;
            }
            let path = other.path_or(Scope::Vm(vm.number).key("after"));
            let message = format!(
                "`{}` starts after `{}`, which is not defined",
                vm.domain,
                other.as_str()
            );
            let others = resolved.vms.iter().filter(|one| one.domain != vm.domain);
            let mut named = others
                .clone()
                .filter(|vm| vm.name.as_str() == other.as_str());
            let others: Vec<_> = others.map(|vm| vm.domain.as_str()).collect();
            let diagnostic = Diagnostic::new(DiagnosticId::UnknownVm, path, message);
            report.push(match (named.next(), named.next()) {
                (Some(meant), None) => diagnostic
                    .help(did_you_mean(meant.domain.as_str()))
                    .fix(Fix::word(other.as_str(), meant.domain.as_str())),
                // It may as well be one that is missing.
                _ => match closest(other.as_str(), &others) {
                    Some(near) => diagnostic.help(did_you_mean(near)),
                    None => diagnostic.help("define it, or remove it; VMs are named `ORG-NAME`"),
                },
            });
        }
    }
}

/// The state of a VM in the search.
#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

/// systemd breaks a cycle by not starting one of its units.
pub(super) fn cycle(resolved: &Resolved, report: &mut Report) {
    let number_of: HashMap<&str, usize> = resolved
        .vms
        .iter()
        .enumerate()
        .map(|(number, vm)| (vm.domain.as_str(), number))
        .collect();
    let before = |number: usize| {
        let after = &resolved.vms[number].after;
        after
            .iter()
            .filter_map(|other| number_of.get(other.as_str()).copied())
            .collect::<Vec<_>>()
    };
    let mut states = vec![State::New; resolved.vms.len()];
    for start in 0..resolved.vms.len() {
        // Depth first, with a stack of our own: a chain may be as long as the definition.
        let mut stack = vec![(start, before(start))];
        if states[start] != State::New {
            continue;
        }
        states[start] = State::Open;
        while let Some((number, waiting)) = stack.last_mut() {
            let number = *number;
            let Some(next) = waiting.pop() else {
                states[number] = State::Done;
                stack.pop();
                continue;
            };
            match states[next] {
                State::New => {
                    states[next] = State::Open;
                    stack.push((next, before(next)));
                }
                State::Open => report_cycle(resolved, &stack, next, report),
                State::Done => {}
            }
        }
    }
}

fn report_cycle(
    resolved: &Resolved,
    stack: &[(usize, Vec<usize>)],
    first: usize,
    report: &mut Report,
) {
    let from = stack
        .iter()
        .position(|(number, _)| *number == first)
        .unwrap_or(0);
    let names = stack[from..]
        .iter()
        .map(|(number, _)| resolved.vms[*number].domain.as_str());
    let chain: Vec<_> = names.chain([resolved.vms[first].domain.as_str()]).collect();
    let last = stack.last().map_or(first, |(number, _)| *number);
    let path = Scope::Vm(resolved.vms[last].number).key("after").path();
    let message = format!("VMs wait for each other: {}", chain.join(" after "));
    let help = "remove one of them from an `after`";
    report.push(Diagnostic::new(DiagnosticId::StartOrderCycle, path, message).help(help));
}
