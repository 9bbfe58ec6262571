import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Stack, Validations } from 'aws-cdk-lib';
import { CfnSecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { exampleApp, type Platform } from '../support/templates.ts';

interface Report {
  readonly pluginReports: readonly {
    readonly violations: readonly {
      readonly ruleName: string;
      readonly violatingConstructs: readonly { readonly constructPath: string }[];
    }[];
  }[];
}

describe('cdk-nag', function () {
  this.timeout(120_000);

  /** What the rules of AwsSolutions and CDK's own validation say of it, as `rule path`, unless acknowledged. */
  function complaintsAbout(app: App): string[] {
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    try {
      app.synth();
    } catch (error) {
      // What it found is on the console and in a file, not in the error.
      if (!/Validation failed/.test(String(error))) throw error;
    }
    const file = join(app.outdir, 'validation-report.json');
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    return report.pluginReports.flatMap(({ violations }) =>
      violations.flatMap(({ ruleName, violatingConstructs }) =>
        violatingConstructs.map(({ constructPath }) => `${ruleName} ${constructPath}`),
      ),
    );
  }

  for (const on of ['fargate', 'ec2'] as const satisfies Platform[]) {
    it(`finds nothing in any stack that is not explained beside it, on ${on}`, () => {
      assert.deepEqual(complaintsAbout(exampleApp(on)), []);
    });
  }

  it('would find a queue that takes messages in the clear, and a text that EC2 refuses', () => {
    const app = exampleApp();
    const stack = new Stack(app, 'Careless');
    new Queue(stack, 'Queue');
    new CfnSecurityGroup(stack, 'Group', { groupDescription: "nobody's" });
    const complaints = complaintsAbout(app);
    assert.ok(complaints.includes('AwsSolutions-SQS4 Careless/Queue/Resource'), complaints.join());
    assert.match(complaints.join('\n'), /^F3031 Careless\/Group$/m);
  });
});
