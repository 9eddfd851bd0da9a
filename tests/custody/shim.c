/* A PKCS#11 module that is another one (REAL), until a file tells it to err.

   $KEYSTEAD_SHIM_CONTROL names the file; it is read at each call.  Each line is a rule:

       FUNCTION ACTION VALUE FIRST LAST [WHEN]

   FUNCTION is a name or *; the rule holds for the FIRSTth to the LASTth call (0: for ever) that it names since the file
   was changed, and, with WHEN, only if the second argument is that.  Actions:

       error  return VALUE
       hang   wait until the file is changed, then go on
       crash  end by a segmentation fault
       zero   after the call: nothing but zeros (C_GenerateRandom)
       same   after the call: the same again and again (C_GenerateRandom)
       flip   after the call: one bit of what it gave is another (C_Encrypt, C_Decrypt, C_WrapKey, C_GetAttributeValue)
       flags  after the call: the flags VALUE are set too (C_GetTokenInfo)
       clear  after the call: they are not set

   $KEYSTEAD_SHIM_LOG names a file to which the name of each function that is called is added. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long word;
typedef word (*function)(word, word, word, word, word, word, word, word);
struct attribute { word type; unsigned char *value; word length; };

#define FUNCTIONS(X) \
    X(0, C_Initialize) X(1, C_Finalize) X(2, C_GetInfo) X(4, C_GetSlotList) X(5, C_GetSlotInfo) X(6, C_GetTokenInfo) \
    X(7, C_GetMechanismList) X(8, C_GetMechanismInfo) X(12, C_OpenSession) X(13, C_CloseSession) X(18, C_Login) \
    X(19, C_Logout) X(20, C_CreateObject) X(22, C_DestroyObject) X(24, C_GetAttributeValue) X(26, C_FindObjectsInit) \
    X(27, C_FindObjects) X(28, C_FindObjectsFinal) X(29, C_EncryptInit) X(30, C_Encrypt) X(33, C_DecryptInit) \
    X(34, C_Decrypt) X(58, C_GenerateKey) X(60, C_WrapKey) X(61, C_UnwrapKey) X(64, C_GenerateRandom)
#define COUNT 68 /* of PKCS#11 2.40 */
#define RULES 16
#define MOST 4096

static struct { word version; function functions[COUNT]; } *real, mine;
static char known[MOST];
static int calls[RULES];

static int changed(char *text)
{
    const char *path = getenv("KEYSTEAD_SHIM_CONTROL");
    FILE *file = path ? fopen(path, "r") : NULL;
    size_t length = file ? fread(text, 1, MOST - 1, file) : 0;
    if (file) fclose(file);
    text[length] = 0;
    if (!strcmp(text, known)) return 0;
    strcpy(known, text);
    memset(calls, 0, sizeof calls);
    return 1;
}

static word call(int index, const char *name, word a, word b, word c, word d, word e, word f, word g, word h)
{
    char text[MOST], rules[MOST], action[16] = "", *line, *rest = rules;
    word value = 0, result;
    const char *log = getenv("KEYSTEAD_SHIM_LOG");
    if (log) {
        FILE *file = fopen(log, "a");
        if (file) { fprintf(file, "%s\n", name); fclose(file); }
    }
    changed(text);
    strcpy(rules, known);
    for (int i = 0; i < RULES && (line = strsep(&rest, "\n")); i++) {
        char which[64], what[16];
        word number, first, last, when;
        int read = sscanf(line, "%63s %15s %li %lu %lu %li", which, what, &number, &first, &last, &when);
        if (read < 5 || (strcmp(which, "*") && strcmp(which, name)) || (read == 6 && when != b)) continue;
        calls[i]++;
        if ((word)calls[i] < first || (last && (word)calls[i] > last)) continue;
        strcpy(action, what);
        value = number;
    }
    if (!strcmp(action, "error")) return value;
    if (!strcmp(action, "crash")) *(volatile int *)0 = 0;
    if (!strcmp(action, "hang")) while (!changed(text)) usleep(10000);
    result = real->functions[index](a, b, c, d, e, f, g, h);
    if (result) return result;
    if (!strcmp(action, "zero")) memset((void *)b, 0, c);
    if (!strcmp(action, "same")) for (word i = 0; i < c; i++) ((unsigned char *)b)[i] = (unsigned char)(i * i + 7 * i);
    if (!strcmp(action, "flags")) *(word *)(b + 96) |= value;
    if (!strcmp(action, "clear")) *(word *)(b + 96) &= ~value;
    if (!strcmp(action, "flip")) {
        if ((!strcmp(name, "C_Encrypt") || !strcmp(name, "C_Decrypt")) && d && *(word *)e) *(unsigned char *)d ^= 1;
        if (!strcmp(name, "C_WrapKey") && e && *(word *)f) *(unsigned char *)e ^= 1;
        if (!strcmp(name, "C_GetAttributeValue")) {
            struct attribute *first = (struct attribute *)c;
            if (first->type == 0x11 && first->value) *first->value ^= 1;
        }
    }
    return result;
}

#define WRAPPED(index, name) \
    static word shim_##name(word a, word b, word c, word d, word e, word f, word g, word h) \
    { return call(index, #name, a, b, c, d, e, f, g, h); }
FUNCTIONS(WRAPPED)

word C_GetFunctionList(void **list)
{
    void *library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
    word (*get)(void **) = library ? (word (*)(void **))dlsym(library, "C_GetFunctionList") : NULL;
    if (!get || get((void **)&real)) return 5;
    mine.version = real->version;
    memcpy(mine.functions, real->functions, sizeof mine.functions);
#define PUT(index, name) mine.functions[index] = shim_##name;
    FUNCTIONS(PUT)
    *list = &mine;
    return 0;
}

/* As of most modules, these two are there by their names too. */
word C_Initialize(void *arguments) { return shim_C_Initialize((word)arguments, 0, 0, 0, 0, 0, 0, 0); }
word C_Finalize(void *reserved) { return shim_C_Finalize((word)reserved, 0, 0, 0, 0, 0, 0, 0); }
