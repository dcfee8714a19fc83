import type { ACMClient } from "@aws-sdk/client-acm";
import { call, clientSettings, type LambdaContext, poll } from "./calls";
import { required } from "./environment";
import { describeError } from "./failure";
import { load } from "./load";
import { log } from "./log";

/** A deployment says what it is about; a scheduled run has other fields. */
export interface ImportEvent {
    readonly tf?: { readonly action: "create" | "update" | "delete" };
}

export interface ImportResult {
    /** Empty when there is none (any more). */
    readonly certificateArn: string;
    /** Those of further regions, by region. */
    readonly elsewhere?: Readonly<Record<string, string>>;
    readonly imported: boolean;
}

/** Where the certificate was imported, and which one. */
interface Imported {
    readonly certificateArn: string;
    readonly serialNumber: string;
}

/** What the parameter remembers, by region; the function's own is "". */
type ImportedByRegion = Readonly<Record<string, Imported>>;

const HERE = "";

interface Secret {
    readonly certificateChain: string;
    readonly privateKey: string;
    readonly serialNumber: string;
}

/**
 * Brings the certificate of the secret into ACM, in each region always under the same ARN, when it is another than the one that is there. A
 * deployment waits for the first certificate; its end takes the certificate out of ACM. What one region refuses keeps it from no other.
 */
export async function importCertificate(event: ImportEvent | null, context: LambdaContext): Promise<ImportResult> {
    const [secretArn, parameter] = ["SECRET_ARN", "IMPORT_PARAMETER"].map((name) => required(name));
    const regions = [HERE, ...(JSON.parse(process.env.ACM_REGIONS || "[]") as string[])];
    const deadline = Date.now() + context.getRemainingTimeInMillis() - 1_000;
    let known = await readImported(parameter, deadline);
    const forget = async (region: string): Promise<void> => {
        await deleteCertificate(region, known[region].certificateArn, deadline);
        known = Object.fromEntries(Object.entries(known).filter(([each]) => each !== region));
        await keepImported(parameter, known, deadline);
    };

    if (event?.tf?.action === "delete") {
        await inEach(Object.keys(known), forget);
        return { certificateArn: "", imported: false };
    }
    const secret =
        event?.tf === undefined
            ? await readSecret(secretArn, deadline)
            : await poll("The first certificate", deadline, () => readSecret(secretArn, deadline));
    const outdated = regions.filter((region) => secret && secret.serialNumber !== known[region]?.serialNumber);
    await inEach(outdated, async (region) => {
        const certificateArn = await putCertificate(region, known[region], secret!, secretArn, deadline);
        known = { ...known, [region]: { certificateArn, serialNumber: secret!.serialNumber } };
        await keepImported(parameter, known, deadline);
        log("info", "certificate imported", { region, ...known[region] });
    });
    await inEach(
        Object.keys(known).filter((region) => !regions.includes(region)),
        forget,
    );
    const arns = regions.map((region) => [region, known[region]?.certificateArn ?? ""] as const);
    return {
        certificateArn: known[HERE]?.certificateArn ?? "",
        ...(regions.length > 1 && { elsewhere: Object.fromEntries(arns.slice(1)) }),
        imported: outdated.length > 0,
    };
}

/** One after the other; the first error is thrown when all have had their turn. */
async function inEach(regions: readonly string[], step: (region: string) => Promise<void>): Promise<void> {
    const errors: unknown[] = [];
    for (const region of regions) {
        try {
            await step(region);
        } catch (error) {
            log("error", "a region has it not as it should", { region, reason: describeError(error) });
            errors.push(error);
        }
    }
    if (errors.length > 0) {
        throw errors[0];
    }
}

function openAcm(region: string): ACMClient {
    const { ACMClient } = load("@aws-sdk/client-acm");
    return new ACMClient({ ...clientSettings(), ...(region !== HERE && { region }) });
}

async function putCertificate(
    region: string,
    before: Imported | undefined,
    { certificateChain, privateKey }: Secret,
    secretArn: string,
    deadline: number,
): Promise<string> {
    const { ImportCertificateCommand } = load("@aws-sdk/client-acm");
    const acm = openAcm(region);
    const [leaf, ...chain] = certificateChain.match(/-----BEGIN [^]+?-----END CERTIFICATE-----/g) ?? [];
    const command = new ImportCertificateCommand({
        CertificateArn: before?.certificateArn,
        Certificate: Buffer.from(leaf ?? ""),
        CertificateChain: Buffer.from(chain.join("\n")),
        PrivateKey: Buffer.from(privateKey),
        // Tags are for a new certificate only; they say what this function may touch.
        Tags: before === undefined ? [{ Key: "taskgate:secret", Value: secretArn }] : undefined,
    });
    return (await call("acm:ImportCertificate", deadline, () => acm.send(command))).CertificateArn ?? "";
}

async function deleteCertificate(region: string, certificateArn: string, deadline: number): Promise<void> {
    const { DeleteCertificateCommand } = load("@aws-sdk/client-acm");
    const acm = openAcm(region);
    const command = new DeleteCertificateCommand({ CertificateArn: certificateArn });
    // ACM takes it for in use for some time after its last listener has gone.
    await poll(`The end of the use of ${certificateArn}`, deadline, async () => {
        try {
            await call(`acm:DeleteCertificate of ${certificateArn}`, deadline, () => acm.send(command));
        } catch (error) {
            if ((error as Error).name === "ResourceInUseException") {
                return undefined;
            }
            if ((error as Error).name !== "ResourceNotFoundException") {
                throw error;
            }
        }
        return true;
    });
}

async function readImported(parameter: string, deadline: number): Promise<ImportedByRegion> {
    const { GetParameterCommand, SSMClient } = load("@aws-sdk/client-ssm");
    const ssm = new SSMClient(clientSettings());
    try {
        const { Parameter } = await call(`ssm:GetParameter of ${parameter}`, deadline, () =>
            ssm.send(new GetParameterCommand({ Name: parameter })),
        );
        const { elsewhere, ...here } = JSON.parse(Parameter?.Value ?? "") as Imported & {
            readonly elsewhere?: ImportedByRegion;
        };
        return { ...(here.certificateArn && { [HERE]: here }), ...elsewhere };
    } catch (error) {
        if ((error as Error).name === "ParameterNotFound") {
            return {};
        }
        throw error;
    }
}

/** What is nowhere any more is not remembered. */
async function keepImported(parameter: string, known: ImportedByRegion, deadline: number): Promise<void> {
    const { DeleteParameterCommand, PutParameterCommand, SSMClient } = load("@aws-sdk/client-ssm");
    const ssm = new SSMClient(clientSettings());
    const here: Imported | undefined = known[HERE];
    const others = Object.entries(known).filter(([region]) => region !== HERE);
    const elsewhere = others.length > 0 ? Object.fromEntries(others) : undefined;
    if (here === undefined && elsewhere === undefined) {
        const command = new DeleteParameterCommand({ Name: parameter });
        await call(`ssm:DeleteParameter of ${parameter}`, deadline, () => ssm.send(command));
        return;
    }
    const Value = JSON.stringify({ ...here, ...(elsewhere && { elsewhere }) });
    const command = new PutParameterCommand({ Name: parameter, Value, Type: "String", Overwrite: true });
    await call(`ssm:PutParameter of ${parameter}`, deadline, () => ssm.send(command));
}

/** undefined as long as no certificate was issued. */
async function readSecret(secretArn: string, deadline: number): Promise<Secret | undefined> {
    const { GetSecretValueCommand, SecretsManagerClient } = load("@aws-sdk/client-secrets-manager");
    const secretsManager = new SecretsManagerClient(clientSettings());
    try {
        const { SecretString } = await call(`secretsmanager:GetSecretValue of ${secretArn}`, deadline, () =>
            secretsManager.send(new GetSecretValueCommand({ SecretId: secretArn })),
        );
        return SecretString === undefined ? undefined : (JSON.parse(SecretString) as Secret);
    } catch (error) {
        const { name, message } = error as Error;
        if (name === "ResourceNotFoundException" && /secret value/.test(message)) {
            return undefined;
        }
        throw error;
    }
}
