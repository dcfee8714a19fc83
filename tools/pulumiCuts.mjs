// The Pulumi CLI is built from source, and half of that is for what the local system never asks of it: `pulumi api`, states and
// secrets in clouds, logs from them. A copy of its source without these is what is built. Plain Node, as the set-up is.
import fs from "node:fs";
import path from "node:path";

export const pulumiModule = "github.com/pulumi/pulumi/pkg/v3";

/** What is cut out of which file; a file without anything goes as a whole. */
const cuts = {
    "cmd/pulumi/pulumi.go": [
        /\t"github\.com\/pulumi\/pulumi\/pkg\/v3\/cmd\/pulumi\/cloud"\n/,
        /\t+cloud\.NewAPICmd\(\),\n/,
    ],
    ...Object.fromEntries(
        [
            "api",
            "describe",
            "describe_markdown",
            "fields",
            "list",
            "paginate",
            "pathmatch",
            "schema",
            "spec",
            "spec_fetch",
        ].map((name) => [`cmd/pulumi/cloud/${name}.go`, []]),
    ),
    "cmd/pulumi/cloud/envelope.go": [/\tParameters +\[\]ParamSpec.*\n/],
    "backend/diy/backend.go": [
        ...["azureblob", "gcsblob", "s3blob"].map(
            (driver) => new RegExp(`\\t(_ )?"gocloud\\.dev/blob/${driver}".*\\n`),
        ),
        /\t"github\.com\/pulumi\/pulumi\/pkg\/v3\/authhelpers"\n/,
        /\t_ "github\.com\/pulumi\/pulumi\/pkg\/v3\/backend\/diy\/postgres".*\n/,
        ...["gcsblob", "azureblob"].map(
            (driver) => new RegExp(`\\n\\tif p\\.Scheme == ${driver}\\.Scheme \\{\\n[^]*?\\n\\t\\}\\n`),
        ),
    ],
    "backend/diy/bucket.go": [
        /\tawss3 ".*"\n/,
        /\t"net\/url"\n/,
        /\t\tvar input \*awss3\.CopyObjectInput\n\t\tif [^]*?\n\t\t\}\n/,
        /\nfunc fixupS3CopySource[^]*?\n\}\n/,
    ],
    "secrets/cloud/manager.go": [
        ...["awskms", "azurekeyvault", "gcpkms", "hashivault"].map(
            (service) => new RegExp(`\\t(_ )?"gocloud\\.dev/secrets/${service}".*\\n`),
        ),
        /\t"google\.golang\.org\/api\/cloudkms\/v1"\n/,
        /\t"github\.com\/pulumi\/pulumi\/pkg\/v3\/authhelpers"\n/,
        /\tcase gcpkms\.Scheme:\n[^]*?(?=\tdefault:\n)/,
    ],
    "operations/resources.go": [/\tcase "cloud":\n[^]*?(?=\tdefault:\n)/],
    "authhelpers/gcpauth.go": [],
    "operations/operations_aws.go": [],
    "operations/operations_cloud_aws.go": [],
    "operations/operations_gcp.go": [],
};

/**
 * Copies the module's source without them.
 *
 * @throws when the source is not the one that they were made for
 */
export function copyWithoutCuts(source, target) {
    fs.rmSync(target, { recursive: true, force: true });
    for (const file of fs.readdirSync(source, { recursive: true })) {
        const from = path.join(source, file);
        if (
            /_test\.go$|(^|\/)testdata\/|^testing\/integration\//.test(file) ||
            cuts[file]?.length === 0 ||
            !fs.statSync(from).isFile()
        ) {
            continue;
        }
        fs.mkdirSync(path.dirname(path.join(target, file)), { recursive: true });
        const text = fs.readFileSync(from);
        fs.writeFileSync(path.join(target, file), cuts[file] ? cut(file, text.toString()) : text);
    }
}

function cut(file, text) {
    return cuts[file].reduce((left, part) => {
        if (!part.test(left)) {
            throw new Error(
                `${pulumiModule}/${file} has nothing like ${part}: mend tools/pulumiCuts.mjs for this version.`,
            );
        }
        return left.replace(part, "");
    }, text);
}
