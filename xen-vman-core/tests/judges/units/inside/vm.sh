# shellcheck shell=bash
# Scenarios of vm@; to be sourced.
# shellcheck disable=SC2154 # variables come from lib.sh

start_and_stop() {
    vm plain nfs
    start vm@plain
    check "the VM runs" running plain
    check "its monitor is the main process" \
        test "$(cat "/proc/$(systemctl show --property MainPID --value vm@plain)/comm")" = xl
    check "it needs no iSCSI session" is vm_iscsi_session@plain.service inactive
    stop vm@plain
    check "the unit ended well" is vm@plain.service inactive
    check "create, then shutdown with ACPI fallback" in_order plain "xl create" "xl shutdown -w -F"
    check "no destroy, no iSCSI" never plain "destroy|iscsiadm"
    check "nothing is left in /run" not test -e /run/xen-vman/domains/plain
}

guest_powers_off() {
    vm poweroff iscsi
    start vm@poweroff
    guest poweroff off
    check "the unit ends, and well" eventually is vm@poweroff.service inactive
    check "neither shutdown nor destroy" never poweroff "shutdown|destroy"
    check "the iSCSI session ends as well" eventually not has_session poweroff
}

guest_reboots() {
    local domid monitor
    vm reboot nfs
    start vm@reboot
    domid=$(domid_of reboot)
    monitor=$(systemctl show --property MainPID vm@reboot)
    guest reboot reboot
    check "a new domain appears" eventually has_other_domid reboot "$domid"
    check "the unit stays active" running reboot
    check_same "with the same monitor" "$monitor" "$(systemctl show --property MainPID vm@reboot)"
    stop vm@reboot
}

stop_while_guest_reboots() {
    local kind
    for kind in pv hvm; do
        vm "gap-$kind" nfs reboot-gap=1.5 "$kind"
        start "vm@gap-$kind"
        guest "gap-$kind" reboot
        check "$kind: the domain is gone for a moment" eventually not domain_exists "gap-$kind"
        stop "vm@gap-$kind"
        check "$kind: the new domain was shut down" in_order "gap-$kind" "xl reboot" "xl shutdown"
        check "$kind: not destroyed" never "gap-$kind" destroy
        check "$kind: the unit ended well" is "vm@gap-$kind.service" inactive
        check "$kind: no domain" not domain_exists "gap-$kind"
    done
}

stop_times_out() {
    vm deaf iscsi deaf
    start vm@deaf
    systemctl stop vm@deaf
    check "no domain is left" not domain_exists deaf
    check "the unit says so" is vm@deaf.service failed/timeout
    eventually not has_session deaf
    check "shutdown, destroy, and only then logout" in_order deaf "xl shutdown" "xl destroy" "logout"
}

guest_takes_no_shutdown() {
    vm refusing nfs refuses-shutdown
    start vm@refusing
    systemctl stop vm@refusing
    check "no domain is left" not domain_exists refusing
    check "the unit says so" is vm@refusing.service failed/timeout
    check "there is a message" says vm@refusing "did not accept the shutdown request"
}

destroy_does_not_help() {
    vm undead iscsi deaf undead
    start vm@undead
    systemctl stop vm@undead
    check "the domain is still there" domain_exists undead
    check "the unit says so" says vm@undead "xl destroy did not end it"
    eventually is vm_iscsi_session@undead.service failed/exit-code
    check "its disk stays" has_session undead
    check "and the reason is told" says vm_iscsi_session@undead "stays logged in: the VM undead is running"
    start_fails vm_mount@undead
    rm -r "$domains/undead"
    start vm_iscsi@undead
    stop vm_iscsi@undead
    check "the way out of the message works" eventually not has_session undead
}

preserved_domain() {
    vm preserved nfs preserve
    start vm@preserved
    stop vm@preserved
    check "a domain that stays after shutdown is destroyed" in_order preserved "xl shutdown" "xl destroy"
    check "the unit ended well" is vm@preserved.service inactive
}

hvm() {
    vm hvm nfs hvm
    start vm@hvm
    check_same "two processes, so no main process" 0 "$(systemctl show --property MainPID --value vm@hvm)"
    stop vm@hvm
    check "the unit ended well" is vm@hvm.service inactive
    start vm@hvm
    guest hvm off
    check "poweroff of the guest ends the unit" eventually is vm@hvm.service inactive
    check "no destroy" never hvm destroy
}

restart() {
    local domid
    vm restart iscsi
    start vm@restart
    domid=$(domid_of restart)
    check "restart" systemctl restart vm@restart
    check "runs again" running restart
    check "as a new domain" test "$domid" != "$(domid_of restart)"
    check "with its disk" has_session restart
    check "in order" in_order restart "login" "xl create" "xl shutdown" "xl create"
    stop vm@restart
    check "the session ends with it" eventually not has_session restart
}

not_installed() {
    local ending guests=/var/lib/xen-vman/guests resizing=/run/xen-vman/resizing
    vm bare nfs
    mkdir -p "$guests" "$resizing"
    for ending in unfinished refused; do
        touch "$guests/bare.$ending"
        start_fails vm@bare
        check "$ending: the message names the file" says vm@bare "remove $guests/bare.$ending"
        check "$ending: xl is not called" never bare "xl create"
        rm "$guests/bare.$ending"
    done
    touch "$resizing/bare"
    start_fails vm@bare
    check "resizing: the message names the file" says vm@bare "remove $resizing/bare"
    check "resizing: xl is not called" never bare "xl create"
    rm "$resizing/bare"
    start vm@bare
    stop vm@bare
}

no_configuration() {
    vm nameless iscsi
    rm "$config_path/nameless.cfg"
    start_fails vm@nameless
    check "the message names the file" says vm@nameless "there is no $config_path/nameless.cfg"
    check "xl is not called" never nameless "xl create"
    check "no iSCSI session is left" eventually not has_session nameless
}

create_fails() {
    vm broken iscsi create-fails
    start_fails vm@broken
    check "the unit says so" is vm@broken.service failed/exit-code
    check "no destroy" never broken destroy
    check "no iSCSI session is left" eventually not has_session broken
}

create_hangs() {
    vm stuck iscsi create-hangs
    start_fails vm@stuck
    check "the unit says so" is vm@stuck.service failed/timeout
    check "the half-made domain is gone" not domain_exists stuck
    check "no iSCSI session is left" eventually not has_session stuck
}

started_by_hand() {
    vm byhand iscsi
    start vm_iscsi@byhand
    xl create "$config_path/byhand.cfg"
    start_fails vm@byhand
    check "the message says what to do" says vm@byhand "already running .*vm-domain adopt byhand"
    start_fails vm_mount@byhand
    stop vm_iscsi@byhand
    check "logout is refused" eventually is vm_iscsi_session@byhand.service failed/exit-code
    check "the domain is left alone" domain_exists byhand
    check "and its session" has_session byhand
    xl shutdown -w byhand
}

# As `status` says; Xen has the domain until its monitor has removed it.
handed_over() {
    local flag
    for flag in removal-delay=1 dying; do
        vm handed nfs removal-delay=1 "$flag"
        xl create "$config_path/handed.cfg"
        xl shutdown -w handed
        start vm@handed
        check "the VM runs" running handed
        stop vm@handed
    done
}

# The group of a process is that of its unit.
in_unit() {
    grep -q "/$1.service\$" "/proc/$2/cgroup"
}

monitor_of() {
    pgrep -f "xl create $config_path/$1.cfg" | head -n 1
}

adopted() {
    local kind domid monitor
    for kind in hvm pv; do
        vm "taken$kind" iscsi
        [[ $kind != hvm ]] || set_flag takenhvm hvm
        start "vm_iscsi@taken$kind"
        touch -d '1 hour ago' "$config_path/taken$kind.cfg"
        xl create "$config_path/taken$kind.cfg"
        read -r domid <"$domains/taken$kind/domid"
        sleep 1.1
        check "$kind: it is taken over" "$library/vm-domain" adopt "taken$kind"
        check "the unit is active" is "vm@taken$kind.service" active
        check "the domain is the same" [ "$domid" = "$(cat "$domains/taken$kind/domid")" ]
        monitor=$(monitor_of "taken$kind")
        check "the monitor is in the unit's group" in_unit "vm@taken$kind" "$monitor"
        check "its settings are known" cmp -s "$config_path/taken$kind.cfg" "/run/xen-vman/domains/taken$kind/config"
        check "nothing is left of the start" not ls "/run/systemd/system/vm@taken$kind.service.d"
        check "a second time is refused" not "$library/vm-domain" adopt "taken$kind"
        stop "vm_iscsi@taken$kind"
        check "the session stays for the VM" has_session "taken$kind"
        stop "vm@taken$kind"
        check "a stop shuts it down" in_order "taken$kind" "xl create" "xl shutdown"
        check "no domain is left" not domain_exists "taken$kind"
        check "the session ends" eventually not has_session "taken$kind"
    done
}

# Its monitor dies, as for a VM that the unit has started.
adopted_and_killed() {
    vm takenover nfs
    xl create "$config_path/takenover.cfg"
    touch "$config_path/takenover.cfg"
    check "it is taken over" "$library/vm-domain" adopt takenover
    check "settings that changed since are not known" not test -s /run/xen-vman/domains/takenover/config
    check "systemd knows the monitor" [ "$(systemctl show --property MainPID --value vm@takenover)" = "$(monitor_of takenover)" ]
    kill -KILL "$(monitor_of takenover)"
    check "the unit fails" eventually is vm@takenover.service failed/signal
    check "no domain is left" eventually not domain_exists takenover
}

not_adopted() {
    vm nobody nfs
    check "one that does not run" not "$library/vm-domain" adopt nobody
    xl create "$config_path/nobody.cfg"
    kill -KILL "$(monitor_of nobody)"
    check "one without a monitor" not "$library/vm-domain" adopt nobody
    check "the domain is left alone" domain_exists nobody
    check "and so is its unit" is vm@nobody.service inactive
    xl destroy nobody
    vm refused iscsi target-refuses
    xl create "$config_path/refused.cfg"
    check "one whose session cannot be opened" not "$library/vm-domain" adopt refused
    check "it runs as before" domain_exists refused
    check "no drop-in is left" not ls /run/systemd/system/vm@refused.service.d
    xl destroy refused
}

# As with on_poweroff="preserve", or once the monitor is dead: Xen keeps the domain.
shut_down_but_kept() {
    vm kept iscsi preserve
    start vm_iscsi@kept
    xl create "$config_path/kept.cfg"
    set_state kept off
    start_fails vm@kept
    check "the message says what works" says vm@kept "has shut down, .*xl destroy kept"
    check "the domain is left alone" domain_exists kept
    xl destroy kept
    start vm@kept
    check "then it starts" domain_exists kept
    stop vm@kept
    stop vm_iscsi@kept
}

monitor_is_killed() {
    vm orphan iscsi
    start vm@orphan
    kill -KILL "$(systemctl show --property MainPID --value vm@orphan)"
    check "the unit fails" eventually is vm@orphan.service failed/signal
    eventually not has_session orphan
    check "the guest is shut down first, its disk goes last" in_order orphan "xl shutdown" "xl destroy" "logout"
    check "no domain is left" not domain_exists orphan
}

host_service_restarts() {
    local domid
    vm steady iscsi
    start vm@steady
    domid=$(domid_of steady)
    systemctl restart xen.service iscsid.service open-iscsi.service xen_vman_global_preparation.service
    systemctl stop xen.service open-iscsi.service
    check "the VM runs on" running steady
    check_same "as the same domain" "$domid" "$(domid_of steady)"
    systemctl start xen.service open-iscsi.service
    stop vm@steady
}

after_another_vm() {
    vm database nfs create-delay=0.5
    vm webserver nfs
    mkdir /etc/systemd/system/vm@webserver.service.d
    printf '%s\n' [Unit] Wants=vm@database.service After=vm@database.service \
        >/etc/systemd/system/vm@webserver.service.d/after.conf
    systemctl daemon-reload
    start vm@webserver
    check "the other VM runs" running database
    check_same "and was first" "database webserver" \
        "$(grep -oE 'xl create (database|webserver)$' "$judge/log" | cut -d ' ' -f 3 | xargs)"
    stop vm@database
    check "stopping it does not stop this one" running webserver
    stop vm@webserver
}
