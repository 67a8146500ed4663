/* The instruction lengths of length.h. The tables follow the opcode map of the AMD64 manual, volume 3, appendix A. */
#include "length.h"

#include <stdbool.h>
#include <stddef.h>

enum operands {
    NO,       /* not known here */
    PLAIN,    /* the opcode alone */
    MODRM,    /* a ModRM byte and what it asks for */
    IMM8,     /* one byte behind the opcode */
    IMM32,    /* four bytes, two with the operand size prefix */
    IMMFULL,  /* as IMM32, but eight with REX.W */
    MODRM8,   /* ModRM and one byte */
    MODRM32,  /* ModRM and four bytes, two with the prefix */
    TEST8,    /* ModRM; one byte more for /0 and /1 */
    TEST32,   /* ModRM; four bytes more for /0 and /1 */
    INCDEC,   /* ModRM, but only /0, /1 and /6: the others branch */
    BRANCH    /* leaves the straight line */
};

static enum operands one_byte(uint8_t op) {
    if (op < 0x40) { /* add, or, adc, sbb, and, sub, xor, cmp */
        if ((op & 7) < 4) return MODRM;
        return (op & 7) == 4 ? IMM8 : (op & 7) == 5 ? IMM32 : NO;
    }
    if (op >= 0x50 && op <= 0x5F) return PLAIN;   /* push, pop */
    if (op >= 0x70 && op <= 0x7F) return BRANCH;  /* jcc */
    if (op >= 0x84 && op <= 0x8B) return MODRM;   /* test, xchg, mov */
    if (op >= 0xB0 && op <= 0xB7) return IMM8;    /* mov */
    if (op >= 0xB8 && op <= 0xBF) return IMMFULL; /* mov */
    if (op >= 0xD0 && op <= 0xD3) return MODRM;   /* shifts */
    if (op >= 0xE0 && op <= 0xE3) return BRANCH;  /* loop, jrcxz */
    switch (op) {
    case 0x63: /* movsxd */
    case 0x8D: /* lea */
        return MODRM;
    case 0x90: /* nop */
    case 0x98: /* cdqe */
    case 0x99: /* cqo */
        return PLAIN;
    case 0x6A: /* push */
    case 0xA8: /* test */
        return IMM8;
    case 0x68: /* push */
    case 0xA9: /* test */
        return IMM32;
    case 0x6B: /* imul */
    case 0x80: /* add and its kin */
    case 0x83:
    case 0xC0: /* shifts */
    case 0xC1:
    case 0xC6: /* mov */
        return MODRM8;
    case 0x69: /* imul */
    case 0x81: /* add and its kin */
    case 0xC7: /* mov */
        return MODRM32;
    case 0xF6:
        return TEST8;
    case 0xF7:
        return TEST32;
    case 0xFE:
    case 0xFF:
        return INCDEC;
    case 0xC2: /* ret */
    case 0xC3:
    case 0xCC: /* int3: padding, or a debugger's mark */
    case 0xE8: /* call */
    case 0xE9: /* jmp */
    case 0xEB:
        return BRANCH;
    default:
        return NO;
    }
}

/* Behind 0F. */
static enum operands two_bytes(uint8_t op) {
    if (op >= 0x80 && op <= 0x8F) return BRANCH; /* jcc */
    if (op >= 0x40 && op <= 0x4F) return MODRM;  /* cmov */
    if (op >= 0x90 && op <= 0x9F) return MODRM;  /* setcc */
    switch (op) {
    case 0x10: /* movups and its kin */
    case 0x11:
    case 0x1E: /* endbr64 and other hints */
    case 0x1F: /* long nop */
    case 0x28: /* movaps */
    case 0x29:
    case 0x57: /* xorps */
    case 0x6E: /* movd */
    case 0x6F: /* movdqa */
    case 0x7E: /* movd, movq */
    case 0x7F: /* movdqa */
    case 0xAF: /* imul */
    case 0xB6: /* movzx */
    case 0xB7:
    case 0xBE: /* movsx */
    case 0xBF:
    case 0xD6: /* movq */
    case 0xEF: /* pxor */
        return MODRM;
    default:
        return NO;
    }
}

/* The ModRM byte at `at`, its SIB byte and displacement: where they end. Notes a displacement from the instruction pointer. */
static uint8_t behind_modrm(const uint8_t *code, uint8_t at, struct instruction *found) {
    uint8_t mode = code[at] >> 6, rm = code[at] & 7, end = (uint8_t)(at + 1);
    if (mode == 3) return end;
    if (rm == 4) {
        if (mode == 0 && (code[end] & 7) == 5) end = (uint8_t)(end + 4);
        end++;
    } else if (mode == 0 && rm == 5) {
        found->relative = end;
        return (uint8_t)(end + 4);
    }
    return (uint8_t)(end + (mode == 1 ? 1 : mode == 2 ? 4 : 0));
}

static bool has_modrm(enum operands operands) {
    return operands == MODRM || (operands >= MODRM8 && operands <= INCDEC);
}

struct instruction instruction_at(const uint8_t *code) {
    struct instruction found = {0, 0, 0};
    bool word = false, repeat = false, wide = false;
    uint8_t at = 0;
    /* At most one of each prefix, in the order that assemblers write them. */
    if (code[at] == 0x66) word = true, at++;
    if (code[at] == 0xF2 || code[at] == 0xF3) repeat = true, at++;
    if ((code[at] & 0xF0) == 0x40) wide = (code[at++] & 8) != 0;
    bool extended = code[at] == 0x0F;
    if (extended) at++;
    uint8_t opcode = code[at++];
    enum operands operands = extended ? two_bytes(opcode) : one_byte(opcode);
    /* Repeat prefixes change what one-byte opcodes mean; before 0F they select another register or format. */
    if (operands == NO || (repeat && !extended && operands != BRANCH)) return found;
    if (operands == BRANCH) {
        found.ends = 1;
        return found;
    }
    uint8_t digit = (code[at] >> 3) & 7;
    if (operands == INCDEC && digit != 0 && digit != 1 && !(digit == 6 && opcode == 0xFF)) {
        found.ends = digit >= 2 && digit <= 5;
        return found;
    }
    if (has_modrm(operands)) at = behind_modrm(code, at, &found);
    uint8_t full = word && !wide ? 2 : 4;
    bool tests = digit < 2;
    if (operands == IMM8 || operands == MODRM8 || (operands == TEST8 && tests)) at++;
    if (operands == IMM32 || operands == MODRM32 || (operands == TEST32 && tests)) at = (uint8_t)(at + full);
    if (operands == IMMFULL) at = (uint8_t)(at + (wide ? 8 : full));
    found.length = at;
    return found;
}
