// What every component promises, whatever it makes.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import { isTaggable } from "../../policy/taggable";
import { listedReasons, policiesOf, wildcardsOf } from "../../policy/wildcards";
import { parsed, record, Recording, RecordOptions, valueOf } from "./mocks";
import { readGoldenSchema } from "./plugin";

export const tags = { team: "red" };

/** Makes one component, called `it`, by the given options. */
type Make<C> = (options: pulumi.ComponentResourceOptions) => C;

/** Records a component made by an explicit provider, as a program of several regions makes it. */
export function recordOne<C extends pulumi.ComponentResource>(
    make: Make<C>,
    options?: RecordOptions,
): Promise<Recording<C>> {
    return record(() => make({ provider: new aws.Provider("explicit", { region: "eu-west-1" }) }), options);
}

/** Adds tests to the suite at hand, and gives what they record. The component's arguments are to hold `tags`. */
export function keepsHouseRules<C extends pulumi.ComponentResource>(make: Make<C>): () => Recording<C> {
    let made: Recording<C>;
    before(async () => {
        made = await recordOne(make);
    });
    describe("as a component", () => {
        it("makes all by the provider it was given, and by no default one", () => {
            // What the engine itself is the provider of has none of its own.
            const others = made.resources.filter(({ type }) => !type.startsWith("pulumi:"));
            expect(others.filter(({ provider }) => provider !== "explicit")).to.deep.equal([]);
            expect(made.invokes.filter(({ provider }) => provider !== "explicit")).to.deep.equal([]);
        });

        it("is the only thing at the top: all else has a parent whose name its own begins with", () => {
            const [provider, component, ...rest] = made.resources;
            expect([provider, component].map(({ name, parent }) => ({ name, parent }))).to.deep.equal([
                { name: "explicit", parent: undefined },
                { name: "it", parent: undefined },
            ]);
            expect(rest.filter(({ name, parent }) => !name.startsWith(parent ?? "?"))).to.deep.equal([]);
        });

        it("tags what can have tags", () => {
            const taggable = made.resources.filter(({ type }) => isTaggable(type));
            expect(taggable.filter(({ inputs }) => JSON.stringify(inputs.tags) !== JSON.stringify(tags))).to.deep.equal(
                [],
            );
        });

        it("registers all of its outputs, once", async () => {
            const outputs = Object.entries(made.result).filter(
                ([key, value]) => key !== "urn" && pulumi.Output.isInstance(value),
            ) as [string, pulumi.Output<unknown>][];
            const values = await Promise.all(
                outputs.map(async ([key, output]) => [key, parsed(await valueOf(output))]),
            );
            expect(made.component("it").outputs).to.deep.equal(Object.fromEntries(values));
        });

        it("registers what its schema declares", () => {
            const { type, outputs } = made.component("it");
            expect(outputs).to.have.all.keys(Object.keys(readGoldenSchema().resources[type].properties));
        });

        it("allows nothing by a wildcard but what has a listed reason", () => {
            const wide = made.resources.flatMap(({ name, type, inputs }) => {
                // Documents are recorded as what they say.
                const texts = Object.entries(inputs).map(([key, value]) => [
                    key,
                    typeof value === "object" && /policy$/i.test(key) ? JSON.stringify(value) : value,
                ]);
                return policiesOf({ type, props: Object.fromEntries(texts) as Record<string, unknown> })
                    .flatMap((policy) => wildcardsOf(policy, listedReasons))
                    .map((found) => `${name}: ${found}`);
            });
            expect(wide).to.deep.equal([]);
        });

        it("shows in a preview all that will be made", async () => {
            const preview = await recordOne(make, { preview: true });
            const namesOf = ({ resources }: Recording<C>): string[] =>
                resources.map(({ type, name, parent }) => `${type} ${name} of ${parent}`).sort();
            expect(namesOf(preview)).to.deep.equal(namesOf(made));
        });
    });
    return () => made;
}

/** The faults for which a component is refused, by their paths. Fails when it is not refused, or when a child was made. */
export async function refusalOf(make: Make<pulumi.ComponentResource>): Promise<Record<string, string>> {
    const made = await record(() => {
        try {
            make({});
        } catch (error) {
            return error;
        }
        return undefined;
    });
    const children = made.resources.filter(({ parent }) => parent !== undefined);
    expect(children).to.deep.equal([]);
    expect(made.result).to.be.instanceOf(pulumi.InputPropertiesError);
    const { errors = [] } = made.result as pulumi.InputPropertiesError;
    return Object.fromEntries(errors.map(({ propertyPath, reason }) => [propertyPath, reason]));
}
