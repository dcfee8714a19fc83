import { expect } from "chai";

import {
    callerOf,
    checkKey,
    environmentFor,
    type AccessSettings,
    type Claims,
} from "../../../handlers/sessions/access";
import { problemOf } from "../../../handlers/sessions/problem";

const settings: AccessSettings = {
    tenantClaim: "custom:team",
    claimVariables: { TEAM_ID: "custom:team", LEVEL: "level", MISSING: "nowhere" },
    bodyVariables: { THEME: "[a-z]{1,10}", SIZE: "s|m" },
};
const claims: Claims = { "custom:team": "42", level: 3 };

function refusalOf(act: () => unknown): string {
    try {
        act();
    } catch (error) {
        const found = problemOf(error);
        if (found) {
            return `${found.status} ${found.kind}: ${found.detail}`;
        }
        throw error;
    }
    return "none";
}

describe("who may open which session, and with what", () => {
    const caller = callerOf(claims, settings);

    it("knows whose people somebody is of by the claim", () => {
        expect(caller.tenant).to.equal("42");
        expect(callerOf({ "custom:team": 42 }, settings).tenant).to.equal("42");
    });

    const noTenants: [string, Claims][] = [
        ["no claim", {}],
        ["an empty one", { "custom:team": "" }],
        ["a list", { "custom:team": ["42", "7"] }],
        ["a path", { "custom:team": "../42" }],
        ["a key of another's", { "custom:team": "42.notebook" }],
        ["what IAM would take for a pattern", { "custom:team": "*" }],
        ["a line break at the end", { "custom:team": "42\n" }],
        ["a path of the API", { "custom:team": "sessions" }],
    ];
    noTenants.forEach(([what, wrong]) =>
        it(`takes no tenant from ${what}`, () => {
            expect(refusalOf(() => callerOf(wrong, settings))).to.match(/^403 not-yours: The token('s| has no) claim/);
        }),
    );

    ["42", "42.notebook", "42.a_b-c"].forEach((key) =>
        it(`gives ${key} to team 42`, () => expect(checkKey(caller, key)).to.equal(key)),
    );
    ["7", "421", "4", "7.notebook", "421.notebook"].forEach((key) =>
        it(`keeps ${key} from team 42`, () => {
            expect(refusalOf(() => checkKey(caller, key))).to.equal('403 not-yours: Yours are "42" and "42.<name>".');
        }),
    );
    ["", "42.", "42.a.b", "42/../7", "42 ", "42\n", "_enter", ".42", "4".repeat(65)].forEach((key) =>
        it(`takes ${JSON.stringify(key)} for no key`, () => {
            expect(refusalOf(() => checkKey(caller, key))).to.match(/^400 bad-request: This is no key/);
        }),
    );

    it("tells the task by claims, by what was asked for, and whose session it is", () => {
        expect(environmentFor(caller, "42.a", { THEME: "dark", SIZE: "m" }, settings)).to.deep.equal({
            THEME: "dark",
            SIZE: "m",
            TEAM_ID: "42",
            LEVEL: "3",
            SESSION_KEY: "42.a",
            SESSION_TENANT: "42",
        });
        expect(environmentFor(caller, "42", undefined, settings)).to.deep.equal({
            TEAM_ID: "42",
            LEVEL: "3",
            SESSION_KEY: "42",
            SESSION_TENANT: "42",
        });
    });

    const wishes: [string, unknown, string][] = [
        ["a variable of a claim", { TEAM_ID: "7" }, "environment.TEAM_ID is not allowed. Those that are: THEME, SIZE."],
        [
            "whose it is",
            { SESSION_TENANT: "7" },
            "environment.SESSION_TENANT is not allowed. Those that are: THEME, SIZE.",
        ],
        ["any other", { NODE_OPTIONS: "x" }, "environment.NODE_OPTIONS is not allowed. Those that are: THEME, SIZE."],
        [
            "one of every object",
            { constructor: "x" },
            "environment.constructor is not allowed. Those that are: THEME, SIZE.",
        ],
        ["a value that does not match", { THEME: "Dark" }, "environment.THEME must be text that matches [a-z]{1,10}."],
        ["one that begins so", { THEME: "dark;" }, "environment.THEME must be text that matches [a-z]{1,10}."],
        ["one that is half of an alternative", { SIZE: "small" }, "environment.SIZE must be text that matches s|m."],
        ["a number", { THEME: 1 }, "environment.THEME must be text that matches [a-z]{1,10}."],
        ["a list", ["THEME"], "environment must be an object of texts."],
        ["null", null, "environment must be an object of texts."],
    ];
    wishes.forEach(([what, asked, detail]) =>
        it(`does not let callers ask for ${what}`, () => {
            expect(refusalOf(() => environmentFor(caller, "42", asked, settings))).to.equal(
                `400 bad-request: ${detail}`,
            );
        }),
    );
});
