"""The actions of AWS IoT rules with their fields, as `aws iot create-topic-rule` takes them."""

from collections.abc import Mapping
from typing import Final

from edge_mask.rules.shapes import Field, ListOf, Shape, shape

_ROLE: Final = Field()
"""AWS requires a role for most actions. A device needs none, so a rule file may omit it."""

_TRUE_OR_FALSE: Final = Field("bool")
_PAIR: Final = shape("key! value!")
_KEY_TYPE: Final = Field(choices=("STRING", "NUMBER"))
_SEARCH: Final = shape("endpoint! index! type! id!", roleArn=_ROLE)
_HEADERS: Final = shape(
    "payloadFormatIndicator contentType responseTopic correlationData messageExpiry",
    userProperties=Field(ListOf(_PAIR), most=100),
)
_ASSET_VALUE: Final = Shape(
    {
        "value": Field(shape("stringValue integerValue doubleValue booleanValue"), is_required=True),
        "timestamp": Field(shape("timeInSeconds! offsetInNanos"), is_required=True),
        "quality": Field(),
    }
)
_ASSET: Final = shape(
    "entryId assetId propertyId propertyAlias", propertyValues=Field(ListOf(_ASSET_VALUE), is_required=True)
)
_BATCH: Final = shape(
    "", maxBatchOpenMs=Field("int"), maxBatchSize=Field("int"), maxBatchSizeBytes=Field("int"),
    batchAcrossTopics=_TRUE_OR_FALSE,
)  # fmt: skip

AWS_ACTIONS: Final[Mapping[str, Shape]] = {
    "cloudwatchAlarm": shape("alarmName! stateReason! stateValue!", roleArn=_ROLE),
    "cloudwatchLogs": shape("logGroupName!", batchMode=_TRUE_OR_FALSE, roleArn=_ROLE),
    "cloudwatchMetric": shape("metricNamespace! metricName! metricValue! metricUnit! metricTimestamp", roleArn=_ROLE),
    "dynamoDB": shape(
        "tableName! operation hashKeyField! hashKeyValue! rangeKeyField rangeKeyValue payloadField",
        hashKeyType=_KEY_TYPE, rangeKeyType=_KEY_TYPE, roleArn=_ROLE,
    ),
    "dynamoDBv2": Shape({"putItem": Field(shape("tableName!"), is_required=True), "roleArn": _ROLE}),
    "elasticsearch": _SEARCH,
    "firehose": shape(
        "deliveryStreamName!", separator=Field(choices=("\n", "\t", "\r\n", ",")), batchMode=_TRUE_OR_FALSE,
        roleArn=_ROLE,
    ),
    "http": shape(
        "", url=Field(is_required=True, most=2000), confirmationUrl=Field(most=2000),
        headers=Field(ListOf(_PAIR, least=0), most=100),
        auth=Field(Shape({"sigv4": Field(shape("signingRegion! serviceName! roleArn!"))})),
        enableBatching=_TRUE_OR_FALSE, batchConfig=Field(_BATCH),
    ),
    "influxDB": shape(
        "destinationArn! databaseName! tableName! organization", tags=Field("map"),
        timestampUnit=Field(choices=("s", "ms", "us", "ns")), batchConfig=Field(_BATCH), roleArn=_ROLE,
    ),
    "iotAnalytics": shape("channelArn channelName", batchMode=_TRUE_OR_FALSE, roleArn=_ROLE),
    "iotEvents": shape("inputName! messageId", batchMode=_TRUE_OR_FALSE, roleArn=_ROLE),
    "iotSiteWise": Shape({"putAssetPropertyValueEntries": Field(ListOf(_ASSET), is_required=True), "roleArn": _ROLE}),
    "kafka": shape(
        "destinationArn! topic! key partition", clientProperties=Field("map", is_required=True),
        headers=Field(ListOf(_PAIR), most=100),
    ),
    "kinesis": shape("streamName! partitionKey", roleArn=_ROLE),
    "lambda": shape("functionArn!"),
    "location": shape(
        "trackerName! deviceId! latitude! longitude!", timestamp=Field(shape("value! unit")), roleArn=_ROLE
    ),
    "openSearch": _SEARCH,
    "republish": shape(
        "topic!", qos=Field("int", choices=(0, 1)), retain=Field("bool", only_here=True), headers=Field(_HEADERS),
        roleArn=_ROLE,
    ),
    "s3": shape(
        "bucketName! key!", roleArn=_ROLE,
        cannedAcl=Field(choices=(
            "private", "public-read", "public-read-write", "aws-exec-read", "authenticated-read", "bucket-owner-read",
            "bucket-owner-full-control", "log-delivery-write",
        )),
    ),
    "salesforce": shape("token! url!"),
    "sns": shape("targetArn!", messageFormat=Field(choices=("RAW", "JSON")), roleArn=_ROLE),
    "sqs": shape("queueUrl!", useBase64=_TRUE_OR_FALSE, roleArn=_ROLE),
    "stepFunctions": shape("stateMachineName! executionNamePrefix", roleArn=_ROLE),
    "timestream": shape(
        "databaseName! tableName!", dimensions=Field(ListOf(shape("name! value!")), is_required=True, most=128),
        timestamp=Field(shape("value! unit!")), roleArn=_ROLE,
    ),
}  # fmt: skip
"""By the name the API gives them."""

NEEDS_ROLE: Final = frozenset(name for name, action in AWS_ACTIONS.items() if "roleArn" in action.fields)
"""Actions that AWS does not take without a role."""

ONLY_API: Final = frozenset({"salesforce", "influxDB"})
"""Actions that the API knows and CloudFormation does not."""
