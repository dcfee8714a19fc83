import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { inUse } from "../../../local/aws/ec2/inUse";
import { modelOf } from "../../../local/aws/models/model";
import { stateRules } from "../../../local/aws/stateRules";
import { projectRoot } from "../../../local/machine/projectRoot";

/** What says no more than that a request is wrong by itself: such rules stand in a service's `rules.ts`, or are limits of the local system. */
const ofRequests =
    /^(Invalid(Parameter|Argument|Action|Input|RequestContent)|ValidationE|ClientException|UnknownOperation|FilterLimit)/;

/** Errors that a service may give to any call, which no operation's own list has. */
const ofAnyCall = ["route53 Throttling", "s3 BucketNotEmpty", "sts AccessDenied"];

/** Folders that are called otherwise than their services sign. */
const folders: Readonly<Record<string, string>> = { elb: "elasticloadbalancing" };

describe("what is refused for what else is there", () => {
    const aws = join(projectRoot, "local/aws");

    it("has a page of AWS's documentation for each error that an overlay gives", () => {
        const services = readdirSync(aws, { withFileTypes: true })
            .filter((entry) => entry.isDirectory() && !["gateway", "models", "permissions"].includes(entry.name))
            .map(({ name }) => name);
        const given = services.flatMap((folder) =>
            readdirSync(join(aws, folder))
                .filter((file) => file.endsWith(".ts") && file !== "rules.ts")
                .flatMap((file) => [
                    ...readFileSync(join(aws, folder, file), "utf8").matchAll(
                        /(?:new AwsError|refused)\(\s*"([\w.]+)"/g,
                    ),
                ])
                .map(([, code]) => `${folders[folder] ?? folder} ${code}`),
        );
        const known = Object.entries(stateRules).flatMap(([service, of]) => of.map(({ code }) => `${service} ${code}`));
        const wanted = [...new Set(given)].filter((error) => !ofRequests.test(error.split(" ")[1]));
        expect(wanted, "what overlays give").to.include("ecs ClusterContainsTasksException");
        expect(wanted.filter((error) => !known.includes(error))).to.deep.equal([]);
        for (const { source } of Object.values(stateRules).flat()) {
            expect(source).to.match(/^https:\/\/docs\.aws\.amazon\.com\/[\w/.-]+\.html$/);
        }
    });

    it("is an error that AWS's model has for the operation", () => {
        for (const [service, of] of Object.entries(stateRules)) {
            const { operations, shapes } = modelOf(service)!;
            for (const { operation, code } of of) {
                expect(Object.keys(operations), service).to.include(operation);
                const { errors = [] } = operations[operation] as { readonly errors?: readonly { shape: string }[] };
                const codes = errors.map(({ shape }) => {
                    const { error } = shapes[shape] as { readonly error?: { readonly code?: string } };
                    return error?.code ?? shape;
                });
                if (codes.length > 0 && !ofAnyCall.includes(`${service} ${code}`)) {
                    expect(codes, `${service} ${operation}`).to.include(code);
                }
            }
        }
    });

    it("names each operation of EC2 that looks at what is in use", () => {
        expect(Object.keys(inUse).filter((operation) => !stateRules.ec2.some((rule) => rule.operation === operation))).to.deep.equal([]); // prettier-ignore
        for (const { operation, source } of stateRules.ec2.filter((rule) => rule.operation in inUse)) {
            expect(inUse[operation].source).to.equal(source);
        }
    });
});
