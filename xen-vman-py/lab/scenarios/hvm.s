# The disk of the guest in the scenario `hvm`: its boot sector says on the serial port which letter the next sector
# begins with, and does what that means: `r` reboots, and leaves a `w` there; `p` powers off; `w` waits.
    .intel_syntax noprefix
    .code16
    .globl _start
    letter = 0x7e00
    com1 = 0x3f8
    keyboard = 0x64
    # PIIX4's power management as hvmloader places it.
    pm1_control = 0xb004

_start:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    mov ah, 2                   # read
    call second_sector
    mov dx, com1
    mov si, offset booted
next:
    lodsb
    test al, al
    jz told
    out dx, al
    jmp next
told:
    mov al, [letter]
    out dx, al
    cmp al, 'p'
    je power_off
    cmp al, 'r'
    jne wait
    mov byte ptr [letter], 'w'
    mov ah, 3                   # write
    call second_sector
    mov al, 0xfe                # reset
    out keyboard, al
wait:
    sti
    hlt
    jmp wait

power_off:
    mov dx, pm1_control
    mov ax, 0x2000              # sleep, of type 0
    out dx, ax
    jmp wait

second_sector:
    mov al, 1
    mov bx, letter
    mov cx, 2
    mov dx, 0x80                # the first disk
    int 0x13
    ret

booted:
    .asciz "booted: "
    .org 510
    .byte 0x55, 0xaa
    .ascii "w"
    .org 0x100000
