import type { CertificateArgs, CertificateState } from "@pulumi/aws/acm/certificate";
import type { CertificateValidationArgs, CertificateValidationState } from "@pulumi/aws/acm/certificateValidation";
import {
    adapter,
    type Adapters,
    changeTags,
    Gone,
    type Inputs,
    service,
    tagList,
    tagsAll,
    tagsOrNone,
} from "../resources/adapter";
import { patiently } from "../resources/patience";
import type { Aws } from "../resources/sdk";

const gone = ["ResourceNotFoundException"];

export const acm: Adapters = service("ACM", {
    "acm/certificate:Certificate": adapter<CertificateArgs, CertificateState>({
        taggable: true,
        replaceOn: ["domainName", "subjectAlternativeNames", "validationMethod", "keyAlgorithm", "validationOptions"],
        refuses: ["certificateAuthorityArn", "privateKeyWo"],
        gone,
        async create(aws, inputs) {
            const { CertificateArn } =
                inputs.privateKey === undefined ? await request(aws, inputs) : await importInto(aws, undefined, inputs);
            return { id: CertificateArn!, ...(await describe(aws, CertificateArn!)) };
        },
        async update(aws, change) {
            const CertificateArn = change.id;
            if (change.inputs.privateKey !== undefined) {
                await importInto(aws, CertificateArn, change.inputs);
            }
            await changeTags(
                change,
                (tags) => aws.acm.addTagsToCertificate({ CertificateArn, Tags: tagList(tags) }),
                (keys) => aws.acm.removeTagsFromCertificate({ CertificateArn, Tags: keys.map((Key) => ({ Key })) }),
            );
            return describe(aws, CertificateArn);
        },
        /** As the real provider, which waits for a listener's certificate to be free: up to twenty minutes. */
        delete: (aws, { id }) =>
            patiently(20, /^ResourceInUseException/, () => aws.acm.deleteCertificate({ CertificateArn: id })),
        async read(aws, { id }) {
            const { Tags } = await aws.acm.listTagsForCertificate({ CertificateArn: id });
            return { ...(await describe(aws, id)), ...tagsAll(Tags) };
        },
    }),
    "acm/certificateValidation:CertificateValidation": adapter<CertificateValidationArgs, CertificateValidationState>({
        async create(aws, inputs) {
            const { waitUntilCertificateValidated } = await import("@aws-sdk/client-acm");
            const { certificateArn: CertificateArn } = inputs;
            await waitUntilCertificateValidated(
                { client: aws.acm, minDelay: 0.2, maxDelay: 2, maxWaitTime: 300 },
                { CertificateArn },
            );
            return { id: CertificateArn };
        },
        async read(aws, { inputs }) {
            const { status } = await describe(aws, inputs.certificateArn);
            if (status !== "ISSUED") {
                throw new Gone(`The certificate ${inputs.certificateArn} is ${status}.`);
            }
        },
        gone,
    }),
});

function request(aws: Aws, inputs: Inputs<CertificateArgs>) {
    return aws.acm.requestCertificate({
        DomainName: inputs.domainName,
        SubjectAlternativeNames: inputs.subjectAlternativeNames,
        ValidationMethod: inputs.validationMethod as "DNS",
        KeyAlgorithm: inputs.keyAlgorithm as "EC_prime256v1" | undefined,
        Tags: tagsOrNone(inputs.tagsAll),
    });
}

function importInto(aws: Aws, CertificateArn: string | undefined, inputs: Inputs<CertificateArgs>) {
    return aws.acm.importCertificate({
        CertificateArn,
        Certificate: Buffer.from(inputs.certificateBody ?? ""),
        CertificateChain: inputs.certificateChain === undefined ? undefined : Buffer.from(inputs.certificateChain),
        PrivateKey: Buffer.from(inputs.privateKey ?? ""),
        Tags: CertificateArn === undefined ? tagsOrNone(inputs.tagsAll) : undefined,
    });
}

async function describe(aws: Aws, CertificateArn: string) {
    const { Certificate: certificate } = await aws.acm.describeCertificate({ CertificateArn });
    return {
        arn: CertificateArn,
        domainName: certificate?.DomainName,
        subjectAlternativeNames: certificate?.SubjectAlternativeNames,
        keyAlgorithm: certificate?.KeyAlgorithm,
        status: certificate?.Status,
        type: certificate?.Type,
        notBefore: certificate?.NotBefore?.toISOString(),
        notAfter: certificate?.NotAfter?.toISOString(),
        domainValidationOptions: certificate?.DomainValidationOptions?.map((option) => ({
            domainName: option.DomainName!,
            resourceRecordName: option.ResourceRecord?.Name ?? "",
            resourceRecordType: option.ResourceRecord?.Type ?? "",
            resourceRecordValue: option.ResourceRecord?.Value ?? "",
        })),
    };
}
