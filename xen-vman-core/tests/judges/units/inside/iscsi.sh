# shellcheck shell=bash
# Scenarios of vm_iscsi@ and vm_iscsi_session@; to be sourced.
# shellcheck disable=SC2154 # variables come from lib.sh

login_before_create_logout_after_domain() {
    vm disk iscsi shutdown-delay=0.5
    start vm@disk
    stop vm@disk
    check "the session ends" eventually not has_session disk
    check "in order" in_order disk "new" "update node.startup=manual" "login" "xl create" \
        "xl shutdown" "logout"
    check "vm_iscsi@ is not involved" is vm_iscsi@disk.service inactive
    check "the session unit ended well" eventually is vm_iscsi_session@disk.service inactive
    check "buffers are flushed" grep -q "blockdev --flushbufs .*:disk-lun-1" "$judge/log"
}

login_by_hand() {
    vm held iscsi
    start vm_iscsi@held
    check "logged in" has_session held
    start vm_mount@held
    stop vm_mount@held
    start vm@held
    stop vm@held
    sleep 0.5
    check "still logged in after mount and VM" has_session held
    stop vm_iscsi@held
    check "logged out" eventually not has_session held
    check "once" test "$(events held | grep -c logout)" = 1
}

stop_login_while_running() {
    vm needed iscsi
    start vm_iscsi@needed
    start vm@needed
    stop vm_iscsi@needed
    sleep 0.5
    check "the VM runs on" running needed
    check "with its disk" has_session needed
    check "stopping the session itself is refused" not systemctl stop vm_iscsi_session@needed
    stop vm@needed
    check "the session ends with the VM" eventually not has_session needed
}

no_iscsi_root() {
    vm without nfs
    check "vm_iscsi@ is skipped silently" systemctl start vm_iscsi@without
    check "it is inactive" is vm_iscsi@without.service inactive
    check "stop as well" systemctl stop vm_iscsi@without
    check "no iscsiadm" never without iscsiadm
}

target_does_not_answer() {
    vm unreachable iscsi target-hangs
    start_fails vm@unreachable
    check "the message says what to check" says vm_iscsi_session@unreachable \
        "did not answer the login .* within $login_limit seconds"
    check "it is not systemd that gives up" is vm_iscsi_session@unreachable.service failed/exit-code
    check "no domain was created" never unreachable "xl create"
}

target_refuses() {
    vm refused iscsi target-refuses
    start_fails vm_iscsi@refused
    check "the message has the exit status" says vm_iscsi_session@refused "failed \(iscsiadm exit status 24\)"
    clear_flag refused target-refuses
    start vm_iscsi@refused
    stop vm_iscsi@refused
}

device_is_late() {
    vm late iscsi device-delay=1.5
    start vm@late
    check "create waits for it" running late
    stop vm@late
}

device_does_not_appear() {
    vm diskless iscsi no-device
    start_fails vm@diskless
    check "the message names the device" says vm_iscsi_session@diskless "lun-1 has not appeared within $login_limit seconds"
    check "no session is left" not has_session diskless
    check "no domain was created" never diskless "xl create"
}

session_exists() {
    vm early iscsi no-device
    : >"$judge/sessions/iqn.2024-01.test.judge:early"
    : >"$judge/records/iqn.2024-01.test.judge:early"
    start vm@early
    check "looks for a new disk in it" in_order early login rescan "xl create"
    check "the record that exists is kept" never early "iscsiadm early new"
    stop vm@early
    check "the session ends" eventually not has_session early
}

logout_hangs() {
    vm sticky iscsi logout-hangs
    start vm_iscsi@sticky
    stop vm_iscsi@sticky
    check "gives up in time" eventually is vm_iscsi_session@sticky.service failed/exit-code
    check "the message says so" says vm_iscsi_session@sticky "took longer than $logout_limit seconds"
    clear_flag sticky logout-hangs
    start vm_iscsi@sticky
    stop vm_iscsi@sticky
    check "the way out of the message works" eventually not has_session sticky
}

data_file_is_gone() {
    vm removed iscsi
    start vm_iscsi@removed
    mv "$roots_path/removed.iscsi" "$judge/"
    ln -s "$judge/removed.iscsi" "$roots_path/other-name.iscsi"
    stop vm_iscsi@removed
    check "logs out from what it logged in to" eventually not has_session removed
    rm "$roots_path/other-name.iscsi"
}

stop_while_logging_in() {
    vm impatient iscsi device-delay=1
    systemctl start --no-block vm@impatient
    eventually is vm_iscsi_session@impatient.service activating
    stop vm@impatient
    eventually is vm_iscsi_session@impatient.service inactive
    check "no session is left" not has_session impatient
    check "no domain was created" never impatient "xl create"
}
