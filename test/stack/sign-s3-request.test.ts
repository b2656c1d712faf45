import { expect, it } from 'vitest'
import { signS3Request } from '../../stack/sign-s3-request.ts'

/**
 * "GET Bucket (List Objects)" of the examples in "Authenticating Requests: Using the Authorization
 * Header (AWS Signature Version 4)", Amazon S3 API Reference.
 */
it('signs as the published example of S3 says', () => {
  const headers = signS3Request(
    {
      method: 'GET',
      url: new URL('https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J'),
      body: new Uint8Array(),
    },
    {
      region: 'us-east-1',
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    },
    new Date('2013-05-24T00:00:00Z'),
  )
  expect(headers['authorization']).toContain(
    'Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  )
})
