import { describe, expect, it } from 'vitest'
import { readJunitReport } from '../../stack/junit-report.ts'

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="JUnit Jupiter" tests="5">
<properties><property name="x" value="y"/></properties>
<testcase name="passes(int)[1]" classname="a.B" time="0.1">
<system-out><![CDATA[unique-id: <testcase name="no test"><failure/></testcase>]]></system-out>
</testcase>
<testcase name="bare()" classname="a.B" time="0.1"/>
<testcase name="fails()" classname="a.B" time="0.1">
<failure message="Expecting &lt;1&gt; &amp; &quot;2&quot;&#10;but was 3"><![CDATA[stack]]></failure>
</testcase>
<testcase name="breaks()" classname="a.B" time="0.1">
<error type="java.lang.NullPointerException"><![CDATA[NPE at
  line 1]]></error>
</testcase>
<testcase name="waits()" classname="a.B" time="0">
<skipped><![CDATA[not for us]]></skipped>
</testcase>
</testsuite>`

describe('a JUnit report', () => {
  it('is read to the outcome of each test and why one failed', () => {
    expect(readJunitReport(report)).toEqual([
      { name: 'passes(int)[1]', outcome: 'passed', message: '' },
      { name: 'bare()', outcome: 'passed', message: '' },
      { name: 'fails()', outcome: 'failed', message: 'Expecting <1> & "2" but was 3' },
      { name: 'breaks()', outcome: 'failed', message: 'NPE at line 1' },
      { name: 'waits()', outcome: 'skipped', message: '' },
    ])
  })

  it('of no test is empty', () => {
    expect(readJunitReport('<testsuite/>')).toEqual([])
  })
})
