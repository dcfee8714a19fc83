import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import { integerReason } from "../../../components/internal/rules";
import {
    asGiven,
    choice,
    faultOf,
    flag,
    given,
    judged,
    list,
    map,
    number,
    plain,
    record,
    required,
    secret,
    text,
    together,
    word,
} from "../../../components/internal/validation";
import { record as recorded, valueOf } from "../../support/mocks";
import { rejectionOf } from "../../support/rejection";

interface CakeArgs {
    readonly flour?: pulumi.Input<number>;
    readonly water?: pulumi.Input<number>;
    readonly kind?: pulumi.Input<string>;
    readonly names?: pulumi.Input<pulumi.Input<string>[]>;
    readonly notes?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    readonly oven?: { readonly heat: pulumi.Input<number>; readonly fan?: boolean };
    readonly recipe?: pulumi.Input<string>;
    readonly layers?: number;
}

const amount = number((value) => integerReason(value, 1, 9));

const bake = (args: unknown, name = "it"): CakeArgs =>
    judged<CakeArgs>("Cake", name, args as CakeArgs, {
        name: (value) => (value === "it" ? undefined : `"${value}" is another`),
        rules: {
            flour: required(amount, "give some"),
            water: amount,
            kind: text(
                (value) => (value === "plum" ? undefined : `"${value}" is no plum`),
                (value) => value.toLowerCase(),
            ),
            names: list(text(), { least: 1, unique: true }),
            notes: map(word(), (key) => (key === "bad" ? "is bad" : undefined)),
            oven: record<NonNullable<CakeArgs["oven"]>>({ heat: required(amount, "give it"), fan: plain(flag) }),
            recipe: secret(text((value) => (value.length > 5 ? undefined : `"${value}" is short`))),
            layers: plain(amount),
        },
        combinations: [
            together(["flour", "water"], ({ flour = 0, water = 0 }) =>
                faultOf("water", water > flour ? `${water} is more than ${flour}` : undefined),
            ),
            given(["layers"], ({ layers, oven }) =>
                faultOf("oven", layers !== undefined && oven === undefined ? "is missing: it bakes layers" : undefined),
            ),
        ],
    });

function faultsOf(args: unknown, name?: string): Record<string, string> {
    try {
        bake(args, name);
    } catch (error) {
        expect(error).to.be.instanceOf(pulumi.InputPropertiesError);
        const { errors = [] } = error as pulumi.InputPropertiesError;
        return Object.fromEntries(errors.map(({ propertyPath, reason }) => [propertyPath, reason]));
    }
    return {};
}

describe("validation", () => {
    it("names each argument at fault, what was given and what is allowed, in one error", () => {
        const args = { flour: 10, kind: "Apple", names: [], notes: { a: [], bad: 1 }, oven: { fan: "on" }, flower: 1 };
        expect(() => bake(args, "x")).to.throw(
            'Cake "x" cannot be made: name: "x" is another; flour: 10 is not allowed: give a whole number from 1 to 9; ' +
                'kind: "apple" is no plum; names: is empty: give at least 1; ',
        );
        expect(faultsOf(args, "x")).to.deep.equal({
            name: '"x" is another',
            flour: "10 is not allowed: give a whole number from 1 to 9",
            kind: '"apple" is no plum',
            names: "is empty: give at least 1",
            "notes.a": "a list is not allowed: give text",
            "notes.bad": "is bad",
            "oven.heat": "is missing: give it",
            "oven.fan": '"on" (text) is not allowed: give true or false',
            flower: "is not known: did you mean flour?",
        });
    });

    it("takes no value of another type for what it looks like", () => {
        const wrong: readonly unknown[] = ["1", true, [1], {}, () => 1, NaN, Infinity, -0.5];
        for (const value of wrong) {
            expect(faultsOf({ flour: value })).to.have.all.keys("flour");
        }
        for (const value of [1, true, [], {}, ""]) {
            expect(faultsOf({ flour: 1, kind: value })).to.have.all.keys("kind");
        }
        expect(faultsOf({ flour: 1, names: "one" }).names).to.equal('"one" (text) is not allowed: give a list');
        expect(faultsOf({ flour: 1, names: ["one", null] })["names[1]"]).to.match(/^is missing/);
        expect(faultsOf({ flour: 1, names: ["one", "one"] })["names[1]"]).to.equal(
            '"one" is named twice: give it once',
        );
        expect(faultsOf({ flour: 1, notes: ["one"] }).notes).to.equal("a list is not allowed: give an object");
        expect(faultsOf("nothing")[""]).to.equal('"nothing" (text) is not allowed: give an object');
        expect(faultsOf(null)).to.deep.equal({ flour: "is missing: give some" });
    });

    it("tells a resource from its id", async () => {
        const { result } = await recorded(() => faultsOf({ flour: 1, kind: new pulumi.Stash("it", { input: "a" }) }));
        expect(result).to.deep.equal({
            kind: "a whole resource (it has an id, and often an ARN) is not allowed: give text",
        });
    });

    it("gives each value in the form in which it is used, and leaves out what is missing", () => {
        const args = {
            flour: 3,
            kind: "PLUM",
            notes: { PORT: 8080, ON: true, TEXT: "" },
            water: undefined,
            names: null,
        };
        expect(bake(args)).to.deep.equal({
            flour: 3,
            kind: "plum",
            notes: { PORT: "8080", ON: "true", TEXT: "" },
            names: undefined,
        });
    });

    it("judges arguments together once each of them is sound", () => {
        expect(faultsOf({ flour: 2, water: 3 })).to.deep.equal({ water: "3 is more than 2" });
        expect(faultsOf({ flour: 20, water: 3 })).to.have.all.keys("flour");
        expect(faultsOf({ flour: 2, layers: 1 })).to.deep.equal({ oven: "is missing: it bakes layers" });
    });

    it("needs the value itself of what decides what is made", () => {
        expect(faultsOf({ flour: 1, layers: pulumi.output(1) }).layers).to.match(
            /^is an output, .*give the value itself$/,
        );
        expect(faultsOf({ flour: 1, oven: { heat: pulumi.output(1), fan: Promise.resolve(true) } })).to.have.all.keys(
            "oven.fan",
        );
        expect(faultsOf(pulumi.output({ flour: 1 }))).to.have.all.keys("");
    });

    describe("of outputs", () => {
        it("comes when they are known, in the same words, and fails what needs them", async () => {
            const { kind } = bake({ flour: 1, kind: pulumi.output("Apple") });
            const error = await rejectionOf(kind);
            expect(error).to.be.instanceOf(pulumi.InputPropertiesError);
            expect(error.message).to.equal('Cake "it" cannot be made: kind: "apple" is no plum');

            const deep = bake({ flour: 1, names: [pulumi.output(""), "b"], oven: pulumi.output({ heat: 0 }) });
            const names = deep.names as pulumi.Output<string>[];
            expect((await rejectionOf(names[0])).message).to.match(/: names\[0\]: is empty/);
            expect((await rejectionOf(deep.oven)).message).to.match(/: oven\.heat: 0 is not allowed/);
        });

        it("keeps its words, wherever the value was to go", async () => {
            const error = await rejectionOf(bake({ flour: 1, kind: pulumi.output("Apple") }).kind);
            error.message = `error serializing property "kind": ${error.message}`;
            expect(error.message).to.equal('Cake "it" cannot be made: kind: "apple" is no plum');
        });

        it("gives their values in the form in which they are used", async () => {
            const { kind, notes } = bake({
                flour: 1,
                kind: Promise.resolve("PLUM"),
                notes: pulumi.output({ PORT: 1 }),
            });
            expect(await valueOf(kind as pulumi.Output<string>)).to.equal("plum");
            expect(await valueOf(notes as pulumi.Output<object>)).to.deep.equal({ PORT: "1" });
        });

        it("comes for several of them when all are known", async () => {
            const { water } = bake({ flour: pulumi.output(2), water: pulumi.output(3) });
            expect((await rejectionOf(water)).message).to.equal('Cake "it" cannot be made: water: 3 is more than 2');
            const sound = bake({ flour: pulumi.output(3), water: pulumi.output(3) });
            expect(await valueOf(sound.water as pulumi.Output<number>)).to.equal(3);
        });

        it("does not come for what is still unknown", async () => {
            const { resources } = await recorded(
                () => {
                    const later = new pulumi.Stash("later", { input: 1 }).output as pulumi.Output<never>;
                    const { kind, water } = bake({ flour: 1, kind: later, water: later });
                    return new pulumi.Stash("after", { input: { kind, water } });
                },
                { preview: true },
            );
            expect(resources.map(({ name }) => name)).to.deep.equal(["later", "after"]);
        });

        it("remembers which output was given", () => {
            const kind = pulumi.output("plum");
            expect(asGiven(bake({ flour: 1, kind }).kind)).to.equal(kind);
            const water = pulumi.output(1);
            expect(asGiven(bake({ flour: 1, water }).water)).to.equal(water);
            expect(asGiven("plum")).to.equal("plum");
        });
    });

    describe("of secrets", () => {
        it("makes them secret, whoever gives them", async () => {
            const { recipe } = bake({ flour: 1, recipe: "with plums" });
            expect(await pulumi.isSecret(recipe as pulumi.Output<string>)).to.equal(true);
            expect(await valueOf(recipe as pulumi.Output<string>)).to.equal("with plums");
        });

        it("tells none in an error", async () => {
            expect(faultsOf({ flour: 1, recipe: "hush" }).recipe).to.equal('"[secret]" is short');
            const { kind } = bake({ flour: 1, kind: pulumi.secret("hush") });
            expect((await rejectionOf(kind)).message).to.equal('Cake "it" cannot be made: kind: "[secret]" is no plum');
            const { water } = bake({ flour: pulumi.secret(2), water: 3 });
            expect(water).to.equal(3);
            const both = bake({ flour: pulumi.secret(2), water: pulumi.output(3) });
            expect((await rejectionOf(both.water)).message).to.match(/water: \[secret\] is more than \[secret\]$/);
        });
    });
});

describe("a choice", () => {
    it("is one of its words", () => {
        const rules = { word: choice({ A: "a", B: "b" }) };
        const choose = (value: unknown): unknown =>
            judged("It", "it", { word: value }, { name: () => undefined, rules });
        expect(choose("a")).to.deep.equal({ word: "a" });
        expect(() => choose("c")).to.throw('It "it" cannot be made: word: "c" is not one of a, b');
    });
});
