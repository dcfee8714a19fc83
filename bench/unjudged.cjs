// Loaded before the local system by the bench alone: an AWS that takes what it is asked, by whomever, and answers as it likes.
const { Module } = require("node:module");

const kind = {
    "local/aws/models/answer.ts": { judgeAnswer: () => [] },
    "local/aws/models/refusal.ts": { refusalOf: () => undefined },
    "local/aws/models/rule.ts": { brokenRule: () => undefined },
    "local/aws/permissions/permissions.ts": (real) => ({
        createPermissions: (options) => ({ ...real.createPermissions(options), check: () => Promise.resolve() }),
    }),
};

const load = Module._load;
Module._load = function (request, parent, isMain) {
    const real = load.call(this, request, parent, isMain);
    const file = request.startsWith(".") ? Module._resolveFilename(request, parent, isMain) : "";
    const name = Object.keys(kind).find((path) => file.endsWith(path));
    const other = name && kind[name];
    return other ? { ...real, ...(typeof other === "function" ? other(real) : other) } : real;
};
